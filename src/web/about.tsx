import { useSignal } from '@preact/signals'
import { AddPeople } from './add-people.tsx'
import { Avatar } from './avatar.tsx'
import { Field } from './field.tsx'
import { MemberRow } from './member-row.tsx'
import { PageBar } from './page-bar.tsx'
import { go, pathTo, route } from './route.ts'
import type { InboxEntry } from '../sdk/index.ts'
import { partnerOf, personOf, titleOf } from './people.ts'
import { client } from './state.ts'
import type { Talk } from './talk.ts'
import { Submit } from './submit.tsx'
import { Sure } from './sure.tsx'
import { useSubmit } from './use-submit.ts'
import { inWords } from './words.ts'

type Props = { entry: InboxEntry; talk: Talk }

/** Beside (on a phone: instead of) the conversation: who is in it, and what its people may change. */
export const About = ({ entry, talk }: Props) => (
  <aside class="about" aria-label="Details">
    <PageBar
      title={entry.conversation.kind === 'group' ? 'Group' : 'About'}
      back={pathTo.conversation(entry.conversation.id)}
      backLabel="Back to the conversation"
      phoneOnly={false}
    />
    <div class="page">
      <div class="page-inner">
        {entry.conversation.kind === 'group' ? <Group entry={entry} talk={talk} /> : <Person entry={entry} />}
      </div>
    </div>
  </aside>
)

const Person = ({ entry }: { entry: InboxEntry }) => {
  const id = partnerOf(entry) ?? 0
  return (
    <div class="list-row">
      <Avatar id={id} name={titleOf(entry)} />
      <span class="list-text">
        <strong class="one-line">{titleOf(entry)}</strong>
        <span class="small soft one-line">@{personOf(id)?.username}</span>
      </span>
    </div>
  )
}

const Group = ({ entry, talk }: Props) => {
  const mayManage = entry.role !== 'member'
  return (
    <>
      {mayManage && <Rename entry={entry} />}
      <section class="section" aria-labelledby="members-title">
        <h2 class="section-title" id="members-title">
          {entry.memberCount === 1 ? 'One person' : `${entry.memberCount} people`}
        </h2>
        <ul>
          {talk.members.value.map((member) => (
            <MemberRow key={member.userId} entry={entry} member={member} />
          ))}
        </ul>
      </section>
      {mayManage && <AddPeople entry={entry} talk={talk} />}
      <Leave entry={entry} />
    </>
  )
}

const Rename = ({ entry }: { entry: InboxEntry }) => {
  const before = entry.conversation.title ?? ''
  const title = useSignal(before)
  const { form, busy, problem, issues, submit } = useSubmit(() =>
    client.conversations.rename(entry.conversation.id, title.value.trim()),
  )
  const changed = title.value.trim() !== '' && title.value.trim() !== before
  return (
    <form class="form" ref={form} onSubmit={submit} noValidate>
      <Field
        label="Name of the group"
        name="title"
        maxLength={100}
        autocomplete="off"
        value={title.value}
        problem={issues.value['title']}
        onValue={(value) => (title.value = value)}
      />
      {changed && <Submit words="Rename" busyWords="Renaming…" busy={busy.value} ready problem={problem.value} />}
    </form>
  )
}

const Leave = ({ entry }: { entry: InboxEntry }) => {
  const sure = useSignal(false)
  const problem = useSignal<string | undefined>(undefined)
  const goAway = async () => {
    problem.value = undefined
    try {
      await client.conversations.leave(entry.conversation.id)
      // Who has gone on meanwhile stays there.
      const here = route.peek()
      if (here.page === 'conversation' && here.conversationId === entry.conversation.id) go(pathTo.inbox)
    } catch (error) {
      problem.value = inWords(error)
    }
  }
  return (
    <section class="section" tabIndex={-1}>
      {problem.value !== undefined && (
        <p class="problem" role="alert">
          {problem.value}
        </p>
      )}
      {sure.value ? (
        <Sure
          question="Leave this group? Somebody has to add you to come back."
          yes="Leave"
          no="Stay"
          onYes={() => void goAway()}
          onNo={() => (sure.value = false)}
        />
      ) : (
        <div class="actions">
          <button type="button" class="button button-small button-bad" onClick={() => (sure.value = true)}>
            Leave the group
          </button>
        </div>
      )}
    </section>
  )
}
