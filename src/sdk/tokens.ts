import type { Refresh, SignedIn } from '../protocol/auth.ts'
import type { ErrorCode } from '../protocol/errors.ts'
import type { Me } from '../protocol/user.ts'
import { newClientId } from './client-id.ts'
import { CauserieError, CauserieNetworkError, signedOut } from './errors.ts'
import type { KeyValueStore } from './storage.ts'

type Credentials = Pick<SignedIn, 'user' | 'sessionId' | 'accessToken' | 'refreshToken'> & {
  expiresAt: number
  /** Names the renewal that was begun with this refresh token: under the same name it may be asked for again however late. */
  attempt?: string
}

type Deps = {
  storage: KeyValueStore
  refresh: (input: Refresh) => Promise<SignedIn>
  now: () => number
  /** Who is signed in changed, or their profile. */
  onChange: (me: Me | null) => void
  /** The server ended the session. */
  onLost: (code: ErrorCode) => void
}

const KEY = 'tokens'
/** A token that ends within this time is renewed before it is used. */
const MARGIN_MS = 30_000

/** Keeps who is signed in, and an access token that works. */
export class Tokens {
  readonly #deps: Deps
  #held: Credentials | null = null
  /** Whether storage has had them: where they are gone, another page of this browser signed out. */
  #isStored = false
  #isLeaving = false
  #renewal: Promise<string> | null = null

  constructor(deps: Deps) {
    this.#deps = deps
  }

  get me(): Me | null {
    return this.#held?.user ?? null
  }

  /** The session whose tokens are held: another page of this browser may have signed in anew, and they were taken over. */
  get sessionId(): string | null {
    return this.#held?.sessionId ?? null
  }

  /** Takes up what storage holds. */
  async load(): Promise<void> {
    const stored = await this.#read()
    this.#isStored = stored !== null
    this.#isLeaving = false
    this.#hold(stored)
  }

  async adopt(signedIn: SignedIn): Promise<void> {
    this.#isLeaving = false
    this.#holdWhat(signedIn)
    await this.#write()
  }

  async updateMe(user: Me): Promise<void> {
    if (this.#held?.user.id !== user.id) return
    this.#hold({ ...this.#held, user })
    const stored = await this.#read()
    // Another page may have renewed them since, or begun to.
    const isSame = stored?.refreshToken === this.#held.refreshToken
    if (stored && isSame) this.#hold({ ...stored, user })
    if (stored ? isSame : !this.#isStored) await this.#write()
  }

  /** The user signs out: from now on nothing of it is stored, whatever becomes of the word to the server. */
  async leave(): Promise<void> {
    this.#isLeaving = true
    if (this.#held) await this.#erase(this.#held)
  }

  async forget(): Promise<void> {
    const held = this.#held
    if (!held) return
    this.#hold(null)
    await this.#erase(held)
  }

  /** The server said that this session is over: of an access token that is held no more, where `token` names one, it says nothing. */
  async lose(code: ErrorCode, token = this.#held?.accessToken): Promise<void> {
    if (!this.#held || this.#held.accessToken !== token) return
    await this.forget()
    this.#deps.onLost(code)
  }

  /** An access token that has not expired. */
  async access(): Promise<string> {
    if (!this.#held) throw signedOut()
    const { accessToken, expiresAt } = this.#held
    const left = expiresAt - this.#deps.now()
    if (left > MARGIN_MS) return accessToken
    try {
      return await this.renew(accessToken)
    } catch (error) {
      if (error instanceof CauserieNetworkError && expiresAt > this.#deps.now()) return accessToken
      throw error
    }
  }

  /** Another token in place of this one. Callers of one moment share one renewal. */
  renew(spent: string): Promise<string> {
    if (!this.#held) return Promise.reject(signedOut())
    if (this.#held.accessToken !== spent) return Promise.resolve(this.#held.accessToken)
    this.#renewal ??= this.#renew(this.#held).finally(() => (this.#renewal = null))
    return this.#renewal
  }

  async #renew(held: Credentials): Promise<string> {
    // Pages of one browser share the storage, and a refresh token works once: another page may have used ours already.
    const stored = await this.#read()
    if (!this.#isLeaving && (await this.#wasTakenAway())) {
      await this.lose('session.revoked', held.accessToken)
      throw signedOut()
    }
    // Where somebody else has signed in on another page, what is stored is theirs.
    const isOurs = !stored || stored.user.id === held.user.id
    if (stored && isOurs && stored.refreshToken !== held.refreshToken) return this.#takeOver(stored)
    try {
      const signedIn = await this.#refresh(held, { isOurs })
      if (!this.#isHeld(held)) throw signedOut()
      this.#holdWhat(signedIn)
      if (isOurs) await this.#write()
      return signedIn.accessToken
    } catch (error) {
      const newer = await this.#newerThan(held)
      if (newer && this.#isHeld(held)) return this.#takeOver(newer)
      if (error instanceof CauserieError && error.status === 401) await this.lose(error.code, held.accessToken)
      throw error
    }
  }

  /** The attempt is kept before it is made: where its answer is lost, it is asked for again, by whichever page of this browser. */
  async #refresh(held: Credentials, { isOurs }: { isOurs: boolean }): Promise<SignedIn> {
    const { refreshToken } = held
    const stored = isOurs ? await this.#storedFor(held) : null
    const kept = stored?.refreshToken === refreshToken ? stored.attempt : undefined
    const attempt = kept ?? held.attempt ?? newClientId()
    if (this.#held === held) this.#hold({ ...held, attempt })
    if (isOurs && kept === undefined) await this.#write()
    try {
      return await this.#deps.refresh({ refreshToken, attempt })
    } catch (error) {
      // While no answer came, another page may have spent it by an attempt of its own: asked for once more, it would look stolen.
      if (!(error instanceof CauserieNetworkError) || (await this.#newerThan(held))) throw error
      return this.#deps.refresh({ refreshToken, attempt })
    }
  }

  #holdWhat({ user, sessionId, accessToken, refreshToken, expiresIn }: SignedIn): void {
    this.#hold({ user, sessionId, accessToken, refreshToken, expiresAt: this.#deps.now() + expiresIn * 1000 })
  }

  #takeOver(stored: Credentials): string {
    this.#hold(stored)
    return stored.accessToken
  }

  #hold(held: Credentials | null): void {
    const before = this.#held
    this.#held = held
    if (JSON.stringify(before?.user) !== JSON.stringify(held?.user)) this.#deps.onChange(this.me)
  }

  async #storedFor(held: Credentials): Promise<Credentials | null> {
    const stored = await this.#read()
    return stored?.user.id === held.user.id ? stored : null
  }

  /** What another page of this browser got in place of these. */
  async #newerThan(held: Credentials): Promise<Credentials | null> {
    const stored = await this.#storedFor(held)
    return stored?.refreshToken === held.refreshToken ? null : stored
  }

  /** Whether they are those of now still: one may have signed out since, or in anew. */
  #isHeld({ refreshToken }: Credentials): boolean {
    return this.#held?.refreshToken === refreshToken
  }

  async #read(): Promise<Credentials | null> {
    try {
      return JSON.parse((await this.#deps.storage.get(KEY)) ?? 'null') as Credentials | null
    } catch {
      return null
    }
  }

  /** Whether another page signed out: storage that cannot be read says nothing of it. */
  async #wasTakenAway(): Promise<boolean> {
    try {
      return this.#isStored && (await this.#deps.storage.get(KEY)) === null
    } catch {
      return false
    }
  }

  /** Another page of this browser may have renewed them; somebody may also have signed in there meanwhile: what they stored stays. */
  async #erase(held: Credentials): Promise<void> {
    const stored = await this.#read()
    if (stored?.sessionId === held.sessionId) await this.#deps.storage.delete(KEY)
  }

  async #write(): Promise<void> {
    if (this.#isLeaving) return
    try {
      await this.#deps.storage.set(KEY, JSON.stringify(this.#held))
      this.#isStored = true
    } catch {
      // A full storage costs the sign-in of the next page, not this one's. What it holds still would be taken for a theft.
      this.#isStored = false
      await Promise.resolve(this.#deps.storage.delete(KEY)).catch(() => {})
    }
  }
}
