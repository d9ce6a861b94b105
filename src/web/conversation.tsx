import { useSignal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import { About } from './about.tsx'
import { Composer } from './composer.tsx'
import { ConversationBar } from './conversation-bar.tsx'
import { Nothing } from './nothing.tsx'
import { PageBar } from './page-bar.tsx'
import { pathTo } from './route.ts'
import { CauserieError } from '../sdk/index.ts'
import { client, entryOf, inbox, status } from './state.ts'
import { talkOf } from './talk.ts'
import { Timeline } from './timeline.tsx'
import { TypingLine } from './typing-line.tsx'

/** One conversation: its head, what was said, who is writing, and the place to write. */
export const Conversation = ({ id, about }: { id: number; about: boolean }) => {
  const entry = entryOf(id)
  if (entry === undefined) return <Missing key={id} id={id} />
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

/** Not in the inbox as far as that is read: the server knows whether it is there. */
const Missing = ({ id }: { id: number }) => {
  const isGone = useSignal(client.conversation(id).state === 'gone')
  const isReady = inbox.value !== null && status.value.state === 'online'
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined
    let isOver = !isReady || isGone.peek()
    const ask = async (waitMs: number): Promise<void> => {
      try {
        await client.inbox.fetch(id)
      } catch (error) {
        if (isOver) return
        isGone.value = error instanceof CauserieError && error.code === 'conversation.not_found'
        if (!isGone.value) timer = setTimeout(() => void ask(Math.min(2 * waitMs, 30_000)), waitMs)
      }
    }
    if (!isOver) void ask(1_000)
    return () => {
      isOver = true
      clearTimeout(timer)
    }
  }, [isReady])
  return isGone.value ? <Gone /> : <PageBar title="One moment…" back={pathTo.inbox} />
}

const Gone = () => (
  <>
    <PageBar title="Not here" back={pathTo.inbox} />
    <Nothing title="This conversation is not here">It may have ended, or you are no longer a member of it.</Nothing>
  </>
)
