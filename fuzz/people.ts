import type { Client } from './client.ts'
import type { World } from './values.ts'

const PASSWORD = 'correct horse battery'
const SEQ_SPAN = 2 ** 26

type Person = { id: number; username: string; token: string; sessionId: string; refreshToken: string }
type Entry = {
  conversation: { id: number; kind: string; createdBy: number }
  rev: number
  role: string
  memberIds: number[]
}
type Message = { id: number; deletedAt: string | null }
type Requested = { request: { id: number } }
type SignedIn = { user: { id: number }; sessionId: string; refreshToken: string }

const OWN = '/v1/me /v1/friend-requests /v1/invitations /v1/blocks /v1/auth/sessions /v1/conversations /events'.split(
  ' ',
)

/** Of who runs the server: its routes are refused to everybody else before anything that is sent there is looked at. */
export const BACKUP_TOKEN = 'a-token-of-the-deployment-for-the-fuzzer'
/** What can end an account, or lock its owner out: there somebody asks who is not needed. */
const ENDING = /^\w+ (?:\/v1\/me(?:\/password)?|\/users\/\{user_id\})$/
/** So often somebody new does. */
const LEAVER_LASTS = 10

/** The people of a run and what is between them. `alice` is who asks for everything; the others only have what she must not touch. */
export class People {
  readonly #client: Client
  #made = 0
  #mended = 0
  #fresh = 0
  #alice!: Person
  #bob!: Person
  #carol!: Person
  #mallory!: Person
  #dave!: Person
  /** Asks for the end of the account, over and over. */
  #leaver!: Person
  #ids: Record<string, number> = {}
  #seen: Record<string, string> = {}
  #said: Message[] = []
  #session = ''
  #snapshot = ''
  #foreignSession = ''
  #refreshToken = ''

  constructor(client: Client) {
    this.#client = client
  }

  /** Whose token a request carries. */
  tokenFor(route: string): string {
    if (route.includes('/v1/backup/')) return BACKUP_TOKEN
    return (ENDING.test(route) ? this.#leaver : this.#alice).token
  }

  worldFor(route: string): World {
    return ENDING.test(route) ? { ...this.world, me: () => this.#leaver.id } : this.world
  }

  get token(): string {
    return this.#alice.token
  }

  /** Makes everything anew. */
  async make(): Promise<void> {
    const client = this.#client
    // The first account of a server is an administrator, and later ones are not.
    this.#alice = await this.#signUp()
    this.#bob = await this.#signUp()
    this.#carol = await this.#signUp()
    this.#mallory = await this.#signUp()
    this.#dave = await this.#signUp()
    this.#leaver = await this.#signUp()
    const [mallory, dave] = [this.#mallory, this.#dave]
    const foreign = await this.#open(mallory, { kind: 'direct', userId: dave.id })
    const request = await client.must<Requested>('POST', '/v1/friend-requests', {
      token: mallory.token,
      json: { userId: dave.id },
    })
    const invitation = await this.#invite(mallory, dave)
    this.#ids = {
      foreignConversation: foreign,
      foreignMessage: await this.#say(mallory, foreign),
      foreignRequest: request.request.id,
      foreignInvitation: invitation,
      foreignEvent: await this.#plan(mallory),
    }
    this.#foreignSession = mallory.sessionId
    await this.mend()
  }

  /** Puts back what inputs that were taken have used up. */
  async mend(): Promise<void> {
    await this.#look()
    if (!this.#isSomebody('/v1/me')) {
      const isBack = await this.#logIn(this.#alice)
      if (!isBack) return this.make()
      await this.#look()
    }
    const leaver = await this.#client.try('GET', '/v1/me', { token: this.#leaver.token })
    if (leaver.body === null || ++this.#mended % LEAVER_LASTS === 0) this.#leaver = await this.#signUp()
    await this.#mendConversations()
    await this.#mendMessages()
    await this.#mendPeople()
    await this.#mendPlans()
    await this.#mendSession()
    await this.#mendSnapshot()
  }

  /** What inputs may name. */
  readonly world: World = {
    conversation: () => this.#id('conversation'),
    group: () => this.#id('group'),
    foreignConversation: () => this.#id('foreignConversation'),
    noConversation: () => 99_999,
    message: () => this.#id('message'),
    groupMessage: () => this.#id('groupMessage'),
    theirMessage: () => this.#id('theirMessage'),
    deletedMessage: () => this.#id('deletedMessage'),
    foreignMessage: () => this.#id('foreignMessage'),
    noMessage: () => 99_999 * SEQ_SPAN + 1,
    me: () => this.#alice.id,
    other: () => this.#bob.id,
    third: () => this.#carol.id,
    stranger: () => this.#mallory.id,
    nobody: () => 9_999_999,
    request: () => this.#id('request'),
    foreignRequest: () => this.#id('foreignRequest'),
    invitation: () => this.#id('invitation'),
    foreignInvitation: () => this.#id('foreignInvitation'),
    event: () => this.#id('event'),
    foreignEvent: () => this.#id('foreignEvent'),
    noNumber: () => 9_999_999,
    session: () => this.#session,
    snapshot: () => this.#snapshot,
    foreignSession: () => this.#foreignSession,
    fresh: () => `fresh${++this.#fresh}`,
    used: () => 'used',
    freshName: () => `new${++this.#fresh}`,
    takenName: () => this.#alice.username,
    freshEmail: () => `new${++this.#fresh}@example.org`,
    takenEmail: () => `${this.#bob.username}@example.org`,
    password: () => PASSWORD,
    token: () => this.#alice.token,
    refreshToken: () => this.#refreshToken,
  }

  #id(name: string): number {
    return this.#ids[name] ?? 0
  }

  /** What the one who asks for everything reads. */
  async #look(): Promise<void> {
    const said = [this.#id('conversation'), this.#id('group')].map((id) => `/v1/conversations/${id}/messages?limit=100`)
    const { token } = this.#alice
    const paths = [...OWN, ...said]
    const answers = await Promise.all(paths.map((path) => this.#client.try('GET', path, { token })))
    this.#seen = Object.fromEntries(paths.map((path, i) => [path, answers[i]?.text ?? '']))
    this.#said = said.flatMap((path) => itemsOf<Message>(this.#seen[path]))
  }

  async #mendConversations(): Promise<void> {
    const others = [this.#bob, this.#carol]
    const { token } = this.#alice
    const blocked = itemsOf<{ user: { id: number } }>(this.#seen['/v1/blocks'])
    for (const { user } of blocked) await this.#client.try('DELETE', `/v1/blocks/${user.id}`, { token })
    const entries = itemsOf<Entry>(this.#seen['/v1/conversations'])
    const find = (name: string): Entry | undefined =>
      entries.find(({ conversation }) => conversation.id === this.#id(name))
    const group = find('group')
    const isWhole = group?.role === 'owner' && others.every(({ id }) => group.memberIds.includes(id))
    if (isWhole && find('conversation')) return
    this.#ids['conversation'] = await this.#open(this.#alice, { kind: 'direct', userId: this.#bob.id })
    const memberIds = others.map(({ id }) => id)
    if (!isWhole) this.#ids['group'] = await this.#open(this.#alice, { kind: 'group', title: 'Picnic', memberIds })
  }

  async #mendMessages(): Promise<void> {
    const wanted: [string, Person, string][] = [
      ['message', this.#alice, 'conversation'],
      ['theirMessage', this.#bob, 'conversation'],
      ['groupMessage', this.#carol, 'group'],
      ['deletedMessage', this.#alice, 'conversation'],
    ]
    for (const [name, by, conversation] of wanted) {
      const isErased = name === 'deletedMessage'
      const isThere = this.#said.some(
        ({ id, deletedAt }) => id === this.#id(name) && (deletedAt === null) === !isErased,
      )
      if (isThere) continue
      const id = await this.#say(by, this.#id(conversation))
      if (isErased) await this.#client.must('DELETE', `/v1/messages/${id}`, { token: by.token })
      this.#ids[name] = id
    }
  }

  async #mendPeople(): Promise<void> {
    const requests = itemsOf<{ id: number }>(this.#seen['/v1/friend-requests'])
    const isAsked = requests.some(({ id }) => id === this.#id('request'))
    if (!isAsked) {
      const { token } = await this.#signUp()
      const json = { userId: this.#alice.id }
      const asked = await this.#client.must<Requested>('POST', '/v1/friend-requests', { token, json })
      this.#ids['request'] = asked.request.id
    }
    const invitations = itemsOf<{ id: number; status: string }>(this.#seen['/v1/invitations'])
    const isInvited = invitations.some(({ id, status }) => id === this.#id('invitation') && status === 'pending')
    if (!isInvited) this.#ids['invitation'] = await this.#invite(this.#carol, this.#alice)
  }

  async #mendPlans(): Promise<void> {
    const events = parsed<{ id: number }[]>(this.#seen['/events']) ?? []
    if (events.some(({ id }) => id === this.#id('event'))) return
    this.#ids['event'] = await this.#plan(this.#alice)
  }

  async #mendSnapshot(): Promise<void> {
    const [client, token] = [this.#client, BACKUP_TOKEN]
    const present = await client.try('GET', `/v1/backup/snapshots/${this.#snapshot}`, { token })
    if (present.body === null)
      this.#snapshot = (await client.must<{ id: string }>('POST', '/v1/backup/snapshots', { token })).id
  }

  async #mendSession(): Promise<void> {
    const sessions = itemsOf<{ id: string }>(this.#seen['/v1/auth/sessions'])
    if (sessions.some(({ id }) => id === this.#session)) return
    // By the address: guesses at the username, of which there are many here, are counted apart.
    const json = { login: `${this.#alice.username}@example.org`, password: PASSWORD }
    const second = await this.#client.try<SignedIn>('POST', '/v1/auth/login', { json })
    if (second.body === null) await this.make()
    else {
      this.#session = second.body.sessionId
      this.#refreshToken = second.body.refreshToken
    }
  }

  async #signUp(): Promise<Person> {
    const username = `person${++this.#made}`
    const json = { username, email: `${username}@example.org`, password: PASSWORD }
    const { user, sessionId, refreshToken } = await this.#client.must<SignedIn>('POST', '/v1/auth/register', { json })
    const person = { id: user.id, username, token: '', sessionId, refreshToken }
    if (!(await this.#logIn(person))) throw new Error(`${username} cannot sign in.`)
    return person
  }

  /** Gets a token that lasts for days; false where that is refused. By the address, for guesses at usernames are throttled. */
  async #logIn(person: Person): Promise<boolean> {
    const json = { username: `${person.username}@example.org`, password: PASSWORD }
    const { body } = await this.#client.try<{ access_token: string }>('POST', '/login', { json })
    if (body === null) return false
    person.token = body.access_token
    return true
  }

  #isSomebody(path: string): boolean {
    return this.#seen[path]?.startsWith('{"id"') ?? false
  }

  async #open(who: Person, json: object): Promise<number> {
    const { token } = who
    return (await this.#client.must<Entry>('POST', '/v1/conversations', { token, json })).conversation.id
  }

  async #say(who: Person, conversationId: number): Promise<number> {
    const json = { clientId: `said${++this.#fresh}`, content: { kind: 'text', text: 'bonjour' } }
    const { token } = who
    return (await this.#client.must<Message>('POST', `/v1/conversations/${conversationId}/messages`, { token, json }))
      .id
  }

  async #invite(from: Person, to: Person): Promise<number> {
    const json = { userId: to.id }
    return (await this.#client.must<{ id: number }>('POST', '/v1/invitations', { token: from.token, json })).id
  }

  async #plan(who: Person): Promise<number> {
    const json = { title: `Ball ${++this.#fresh} of ${who.username}`, startsAt: '2030-01-01T20:00:00.000Z' }
    return (await this.#client.must<{ id: number }>('POST', '/v1/events', { token: who.token, json })).id
  }
}

const parsed = <Body>(text = ''): Body | null => {
  try {
    return JSON.parse(text) as Body
  } catch {
    return null
  }
}

const itemsOf = <Item>(text?: string): Item[] => parsed<{ items?: Item[] }>(text)?.items ?? []
