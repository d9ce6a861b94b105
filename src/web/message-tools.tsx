import { useSignal } from '@preact/signals'
import { useLayoutEffect, useRef } from 'preact/hooks'
import type { Message } from '../sdk/index.ts'
import { Icon, type IconName } from './icon.tsx'
import { me } from './state.ts'
import { Sure } from './sure.tsx'
import type { Talk } from './talk.ts'

const EMOJI = ['👍', '❤️', '😂', '🎉', '😮', '😢']

type Props = { talk: Talk; message: Message; mine: boolean; mayDelete: boolean }

/** What can be done with one message: react, answer, and where one may, edit or delete. */
export const MessageTools = ({ talk, message, mine, mayDelete }: Props) => {
  const step = useSignal<'tools' | 'react' | 'delete'>('tools')
  const box = useRef<HTMLDivElement>(null)
  const { id } = message

  // The button that was pressed is gone: its place goes to the first of the next ones.
  useLayoutEffect(() => {
    if (step.value === 'react') box.current?.querySelector('button')?.focus()
  }, [step.value])

  const back = () => {
    step.value = 'tools'
    box.current?.closest<HTMLElement>('.message')?.focus()
  }
  const toggle = (emoji: string) => {
    back()
    const given = message.reactions.some((each) => each.emoji === emoji && each.userIds.includes(me.value?.id ?? 0))
    void talk.act(id, (live) => (given ? live.unreact(id, emoji) : live.react(id, emoji)))
  }

  switch (step.value) {
    case 'react':
      return (
        <div class="message-tools" role="toolbar" aria-label="React with" ref={box}>
          {EMOJI.map((emoji) => (
            <button
              key={emoji}
              type="button"
              class="button-icon"
              aria-label={`React with ${emoji}`}
              onClick={() => toggle(emoji)}
            >
              {emoji}
            </button>
          ))}
        </div>
      )
    case 'delete':
      return (
        <div class="message-tools" ref={box}>
          <Sure
            question="Delete for everyone?"
            yes="Delete"
            no="Keep"
            onYes={() => {
              back()
              void talk.act(id, (live) => live.delete(id))
            }}
            onNo={back}
          />
        </div>
      )
    case 'tools':
      return (
        <div class="message-tools" role="toolbar" aria-label="Message" ref={box}>
          <Tool label="React" icon="react" onUse={() => (step.value = 'react')} />
          <Tool label="Reply" icon="reply" onUse={() => (talk.replyingTo.value = message)} />
          {mine && message.content?.kind === 'text' && (
            <Tool label="Edit" icon="write" onUse={() => (talk.editing.value = id)} />
          )}
          {mayDelete && <Tool label="Delete" icon="remove" onUse={() => (step.value = 'delete')} />}
        </div>
      )
  }
}

const Tool = ({ label, icon, onUse }: { label: string; icon: IconName; onUse: () => void }) => (
  <button type="button" class="button-icon" aria-label={label} title={label} onClick={onUse}>
    <Icon name={icon} size={18} />
  </button>
)
