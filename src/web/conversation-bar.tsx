import { useEffect, useRef } from 'preact/hooks'
import { Avatar } from './avatar.tsx'
import { Icon } from './icon.tsx'
import { now } from './now.ts'
import { pathTo } from './route.ts'
import type { InboxEntry } from '../sdk/index.ts'
import { isOnline, lastSeenOf, nameOf, partnerOf, titleOf } from './people.ts'
import { client, connectionWords, me, status } from './state.ts'
import { agoOf } from './time.ts'
import { listWords } from './words.ts'

export const ConversationBar = ({ entry, about }: { entry: InboxEntry; about: boolean }) => {
  const { id, kind } = entry.conversation
  const partner = partnerOf(entry)
  const title = titleOf(entry)
  const heading = useRef<HTMLHeadingElement>(null)
  const isConnected = status.value.state === 'online'

  useEffect(() => {
    // On a touch screen the place to write leaves the focus to the head.
    if (document.activeElement === document.body) heading.current?.focus()
  }, [])
  useEffect(() => {
    // Nobody has told yet when somebody who is away was last here; without an answer it stays unsaid.
    if (isConnected && partner !== undefined) client.presence.fetch([partner]).catch(() => {})
  }, [isConnected, partner])

  return (
    <header class="bar">
      <a class="button-icon for-phone" href={pathTo.inbox} aria-label="Back to conversations">
        <Icon name="back" />
      </a>
      <div class="bar-who">
        <Avatar
          id={partner ?? id}
          name={title}
          group={kind === 'group'}
          online={partner !== undefined && isOnline(partner)}
        />
        <div class="bar-grow">
          <h1 class="one-line" tabIndex={-1} ref={heading}>
            {title}
          </h1>
          <p class="small soft one-line">{partner === undefined ? peopleWords(entry) : presenceWords(partner)}</p>
        </div>
      </div>
      <a
        class="button-icon"
        href={about ? pathTo.conversation(id) : pathTo.about(id)}
        aria-label={about ? 'Close details' : 'Details'}
        title={about ? 'Close details' : 'Details'}
        {...(about ? { 'aria-current': 'page' } : {})}
      >
        <Icon name={kind === 'group' ? 'people' : 'about'} />
      </a>
    </header>
  )
}

const presenceWords = (userId: number): string => {
  if (connectionWords.value !== null) return ''
  if (isOnline(userId)) return 'Online'
  const seen = lastSeenOf(userId)
  return seen === null ? 'Away' : `Last seen ${agoOf(seen, now.value)}`
}

const peopleWords = ({ memberIds, memberCount }: InboxEntry): string => {
  if (memberIds.length !== memberCount || memberCount > 4) return `${memberCount} people`
  const others = memberIds.filter((id) => id !== me.value?.id).map(nameOf)
  return others.length === 0 ? 'Only you so far' : listWords(['You', ...others])
}
