import { useSignal } from '@preact/signals'
import { Devices } from './devices.tsx'
import { Field } from './field.tsx'
import { PageBar } from './page-bar.tsx'
import { pathTo } from './route.ts'
import { client, me, signOut } from './state.ts'
import { Submit } from './submit.tsx'
import { useSubmit } from './use-submit.ts'

export const Settings = () => {
  // A new password signs the other devices out, so their list is read anew.
  const passwords = useSignal(0)
  return (
    <>
      <PageBar title="Settings" back={pathTo.inbox} />
      <div class="page">
        <div class="page-inner">
          <Profile />
          <Password onChanged={() => (passwords.value += 1)} />
          <Devices key={passwords.value} />
          <section class="section">
            <div class="actions">
              <button type="button" class="button" onClick={() => void signOut()}>
                Sign out
              </button>
              <p class="soft small">Your conversations stay; drafts on this device go.</p>
            </div>
          </section>
        </div>
      </div>
    </>
  )
}

const Profile = () => {
  const name = useSignal(me.value?.displayName ?? '')
  const saved = useSignal(false)
  const { form, busy, problem, issues, submit } = useSubmit(async () => {
    await client.updateMe({ displayName: name.value.trim() })
    saved.value = true
  })
  const ready = name.value.trim() !== '' && name.value.trim() !== me.value?.displayName
  return (
    <section class="section" aria-labelledby="profile-title">
      <h2 class="section-title" id="profile-title">
        You
      </h2>
      <p class="soft">
        @{me.value?.username} · {me.value?.email}
      </p>
      <form class="form" ref={form} onSubmit={submit} noValidate>
        <Field
          label="Your name"
          name="displayName"
          autocomplete="name"
          maxLength={64}
          value={name.value}
          problem={issues.value['displayName']}
          onValue={(value) => {
            name.value = value
            saved.value = false
          }}
        />
        <div class="actions">
          <Submit words="Save name" busyWords="Saving…" busy={busy.value} ready={ready} problem={problem.value} />
          <span class="soft small" role="status">
            {saved.value && 'Saved.'}
          </span>
        </div>
      </form>
    </section>
  )
}

const Password = ({ onChanged }: { onChanged: () => void }) => {
  const current = useSignal('')
  const next = useSignal('')
  const saved = useSignal(false)
  const { form, busy, problem, issues, submit } = useSubmit(async () => {
    await client.changePassword({ currentPassword: current.value, newPassword: next.value })
    current.value = ''
    next.value = ''
    saved.value = true
    onChanged()
  })
  const edit = (field: typeof current) => (value: string) => {
    field.value = value
    saved.value = false
  }
  return (
    <section class="section" aria-labelledby="password-title">
      <h2 class="section-title" id="password-title">
        Password
      </h2>
      <form class="form" ref={form} onSubmit={submit} noValidate>
        <input type="text" name="username" autocomplete="username" value={me.value?.username} hidden readOnly />
        <Field
          label="Current password"
          name="currentPassword"
          type="password"
          autocomplete="current-password"
          value={current.value}
          problem={issues.value['currentPassword']}
          onValue={edit(current)}
        />
        <Field
          label="New password"
          name="newPassword"
          type="password"
          autocomplete="new-password"
          hint="At least 8 characters. Your other devices will be signed out."
          value={next.value}
          problem={issues.value['newPassword']}
          onValue={edit(next)}
        />
        <div class="actions">
          <Submit
            words="Change password"
            busyWords="Changing…"
            busy={busy.value}
            ready={current.value !== '' && next.value !== ''}
            problem={problem.value}
          />
          <span class="soft small" role="status">
            {saved.value && 'Changed. Your other devices were signed out.'}
          </span>
        </div>
      </form>
    </section>
  )
}
