import { Announcer } from './announcer.tsx'
import { ConnectionLine } from './connection-line.tsx'
import { Conversation } from './conversation.tsx'
import { Inbox } from './inbox.tsx'
import { NewChat } from './new-chat.tsx'
import { NewGroup } from './new-group.tsx'
import { Nothing } from './nothing.tsx'
import { route } from './route.ts'
import { Settings } from './settings.tsx'

/** Two panes side by side; on a phone the one that the address asks for. */
export const Shell = () => (
  <main class="shell" data-screen={route.value.page === 'inbox' ? 'side' : 'pane'}>
    <Inbox />
    <div class="pane">
      <ConnectionLine />
      <Page />
    </div>
    <Announcer />
  </main>
)

const Page = () => {
  const place = route.value
  switch (place.page) {
    case 'inbox':
      return <Nothing title="Pull up a chair">Choose a conversation, or start a new one.</Nothing>
    case 'conversation':
      // A key per conversation: nothing of one (scroll, draft, focus) may leak into the next.
      return <Conversation key={place.conversationId} id={place.conversationId} about={place.about} />
    case 'new-chat':
      return <NewChat />
    case 'new-group':
      return <NewGroup />
    case 'settings':
      return <Settings />
  }
}
