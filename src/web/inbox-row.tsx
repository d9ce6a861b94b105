import { Avatar } from './avatar.tsx'
import { draftOf } from './drafts.ts'
import { now } from './now.ts'
import { pathTo, route } from './route.ts'
import { type InboxEntry, LIMITS } from '../sdk/index.ts'
import { isOnline, nameOf, partnerOf, titleOf, typistsIn } from './people.ts'
import { me } from './state.ts'
import { shortTimeOf } from './time.ts'
import { previewOf, typingWords } from './words.ts'

/** One conversation: who, when, what was said last, and how much of it is unread. */
export const InboxRow = ({ entry }: { entry: InboxEntry }) => {
  const { conversation, lastMessage, unread } = entry
  const title = titleOf(entry)
  const partner = partnerOf(entry)
  const online = partner !== undefined && isOnline(partner)
  const open = route.value.page === 'conversation' && route.value.conversationId === conversation.id
  const at = lastMessage?.createdAt ?? conversation.createdAt
  return (
    <li>
      <a
        class={`inbox-row${unread > 0 ? ' inbox-unread' : ''}`}
        href={pathTo.conversation(conversation.id)}
        {...(open ? { 'aria-current': 'page' } : {})}
      >
        <Avatar id={partner ?? conversation.id} name={title} online={online} group={conversation.kind === 'group'} />
        <span class="inbox-text">
          <span class="inbox-line">
            <span class="inbox-name one-line" dir="auto">
              {title}
            </span>
            {online && <span class="unseen">, online</span>}
            <time dateTime={at}>{shortTimeOf(at, now.value)}</time>
          </span>
          <span class="inbox-line">
            <Preview entry={entry} open={open} />
            {unread > 0 && <Badge unread={unread} />}
          </span>
        </span>
      </a>
    </li>
  )
}

const Preview = ({ entry, open }: { entry: InboxEntry; open: boolean }) => {
  const { conversation, lastMessage } = entry
  const typists = typistsIn(conversation.id)
  if (typists.length > 0) {
    const words = conversation.kind === 'direct' ? 'typing…' : typingWords(typists.map(nameOf))
    return <span class="inbox-preview inbox-typing one-line">{words}</span>
  }
  const draft = open ? '' : draftOf(conversation.id)
  if (draft !== '')
    return <span class="inbox-preview inbox-draft one-line">Draft: {draft.slice(0, LIMITS.previewLength)}</span>
  if (lastMessage === null) return <span class="inbox-preview one-line">No messages yet</span>
  const who =
    lastMessage.senderId === me.value?.id
      ? 'You: '
      : conversation.kind === 'group'
        ? `${nameOf(lastMessage.senderId)}: `
        : ''
  return (
    <span class="inbox-preview one-line">
      {who}
      <bdi>{previewOf(lastMessage)}</bdi>
    </span>
  )
}

const Badge = ({ unread }: { unread: number }) => (
  <span class="badge" data-unread={unread}>
    {unread > 99 ? '99+' : unread}
    <span class="unseen"> unread</span>
  </span>
)
