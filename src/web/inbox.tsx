import { Icon } from './icon.tsx'
import { InboxRow } from './inbox-row.tsx'
import { Nothing } from './nothing.tsx'
import { pathTo } from './route.ts'
import { inbox, me } from './state.ts'
import { ConnectionLine } from './connection-line.tsx'
import { moveFocus } from './move-focus.ts'

/** Every conversation, the newest first. */
export const Inbox = () => (
  <section class="side" aria-label="Conversations">
    <header class="bar">
      <p class="wordmark bar-grow">Causerie</p>
      <a
        class="button-icon"
        href={pathTo.settings}
        aria-label={`Settings of ${me.value?.displayName ?? 'your account'}`}
        title="Settings"
      >
        <Icon name="settings" />
      </a>
      <a class="button-icon" href={pathTo.newChat} aria-label="New conversation" title="New conversation">
        <Icon name="write" />
      </a>
    </header>
    <ConnectionLine phoneOnly />
    <Entries />
  </section>
)

const Entries = () => {
  const entries = inbox.value
  if (entries === null) {
    return (
      <p class="nothing" role="status">
        Fetching your conversations…
      </p>
    )
  }
  if (entries.length === 0) {
    const action = (
      <a class="button button-main" href={pathTo.newChat}>
        Find somebody
      </a>
    )
    return (
      <Nothing title="Nobody here yet" action={action}>
        Find a person by name and say hello, or bring a few together in a group.
      </Nothing>
    )
  }
  return (
    <nav class="inbox" aria-label="Inbox" onKeyDown={(event) => moveFocus(event, 'a')}>
      <ul>
        {entries.map((entry) => (
          <InboxRow key={entry.conversation.id} entry={entry} />
        ))}
      </ul>
    </nav>
  )
}
