import { About } from './about.tsx'
import { Composer } from './composer.tsx'
import { ConversationBar } from './conversation-bar.tsx'
import { Nothing } from './nothing.tsx'
import { PageBar } from './page-bar.tsx'
import { pathTo } from './route.ts'
import { entryOf, inbox } from './state.ts'
import { talkOf } from './talk.ts'
import { Timeline } from './timeline.tsx'
import { TypingLine } from './typing-line.tsx'

/** One conversation: its head, what was said, who is writing, and the place to write. */
export const Conversation = ({ id, about }: { id: number; about: boolean }) => {
  const entry = entryOf(id)
  if (entry === undefined) return inbox.value === null ? <PageBar title="One moment…" back={pathTo.inbox} /> : <Gone />
  const talk = talkOf(id)
  return (
    <div class={`conversation${about ? ' conversation-with-about' : ''}`}>
      <section class="conversation-talk" aria-label="Conversation">
        <ConversationBar entry={entry} about={about} />
        <Timeline entry={entry} talk={talk} />
        <TypingLine entry={entry} />
        <Composer entry={entry} talk={talk} />
      </section>
      {about && <About entry={entry} talk={talk} />}
    </div>
  )
}

const Gone = () => (
  <>
    <PageBar title="Not here" back={pathTo.inbox} />
    <Nothing title="This conversation is not here">It may have ended, or you are no longer a member of it.</Nothing>
  </>
)
