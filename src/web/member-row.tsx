import { useSignal } from '@preact/signals'
import type { InboxEntry, Member, Role } from '../sdk/index.ts'
import { Avatar } from './avatar.tsx'
import { Icon } from './icon.tsx'
import { isOnline, nameOf } from './people.ts'
import { client, me } from './state.ts'
import { Sure } from './sure.tsx'
import { inWords } from './words.ts'

const ROLE_WORDS: Record<Role, string> = { owner: 'Owner', admin: 'Admin', member: 'Member' }

/** A member of a group, and what the viewer's role lets them change. */
export const MemberRow = ({ entry, member }: { entry: InboxEntry; member: Member }) => {
  const problem = useSignal<string | undefined>(undefined)
  /** The two steps that cannot be taken back by the one who takes them are asked for once more. */
  const asking = useSignal<'owner' | 'remove' | null>(null)
  const { id } = entry.conversation
  const { userId, role } = member
  const self = userId === me.value?.id
  const name = nameOf(userId)
  const mayRemove = !self && (entry.role === 'owner' || (entry.role === 'admin' && role === 'member'))

  const attempt = async (work: () => Promise<unknown>) => {
    problem.value = undefined
    asking.value = null
    try {
      await work()
    } catch (error) {
      problem.value = inWords(error)
    }
  }
  const setRole = (next: Role) => attempt(() => client.conversations.setRole(id, { userId, role: next }))
  const remove = () => attempt(() => client.conversations.removeMember(id, userId))

  return (
    <li tabIndex={-1}>
      <div class="list-row">
        <Avatar id={userId} name={name} small online={isOnline(userId)} />
        <span class="list-text one-line">
          {name}
          {self && <span class="soft"> (you)</span>}
        </span>
        <span class="list-end">
          {entry.role === 'owner' && !self ? (
            <RoleSelect
              name={name}
              role={role}
              onRole={(next) => (next === 'owner' ? (asking.value = 'owner') : void setRole(next))}
            />
          ) : (
            role !== 'member' && <span class="small soft">{ROLE_WORDS[role]}</span>
          )}
          {mayRemove && (
            <button
              type="button"
              class="button-icon"
              aria-label={`Remove ${name}`}
              title="Remove"
              onClick={() => (asking.value = 'remove')}
            >
              <Icon name="close" size={18} />
            </button>
          )}
        </span>
      </div>
      {asking.value === 'remove' && (
        <Sure
          question={`Remove ${name} from the group?`}
          yes="Remove"
          onYes={() => void remove()}
          onNo={() => (asking.value = null)}
        />
      )}
      {asking.value === 'owner' && (
        <Sure
          question={`Hand the group over to ${name}?`}
          yes="Hand over"
          onYes={() => void setRole('owner')}
          onNo={() => (asking.value = null)}
        />
      )}
      {problem.value !== undefined && (
        <p class="problem" role="alert">
          {problem.value}
        </p>
      )}
    </li>
  )
}

const RoleSelect = ({ name, role, onRole }: { name: string; role: Role; onRole: (role: Role) => void }) => (
  <select
    class="select"
    aria-label={`Role of ${name}`}
    value={role}
    onChange={(event) => {
      const chosen = event.currentTarget.value
      // The server's answer moves the choice, not the click.
      event.currentTarget.value = role
      if (chosen === 'owner' || chosen === 'admin' || chosen === 'member') onRole(chosen)
    }}
  >
    <option value="owner">{ROLE_WORDS.owner}</option>
    <option value="admin">{ROLE_WORDS.admin}</option>
    <option value="member">{ROLE_WORDS.member}</option>
  </select>
)
