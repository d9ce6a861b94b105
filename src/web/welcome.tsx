import { useSignal } from '@preact/signals'
import { Field } from './field.tsx'
import { createAccount, farewell, signIn } from './state.ts'
import { Submit } from './submit.tsx'
import { useSubmit } from './use-submit.ts'

/** The door: sign in, or make an account. */
export const Welcome = () => {
  const making = useSignal(false)
  return (
    <main class="welcome">
      <header class="welcome-head">
        <p class="wordmark">Causerie</p>
        <h1>{making.value ? 'Make an account' : 'Good to see you'}</h1>
        <p class="soft">{making.value ? 'It takes a minute.' : 'Sign in and pick up where you left off.'}</p>
        {farewell.value !== null && (
          <p class="small" role="status">
            {farewell.value}
          </p>
        )}
      </header>
      {making.value ? <Register /> : <SignIn />}
      <p class="soft">
        {making.value ? 'Already have one? ' : 'New here? '}
        <button type="button" class="button-link" onClick={() => (making.value = !making.value)}>
          {making.value ? 'Sign in instead' : 'Make an account'}
        </button>
      </p>
    </main>
  )
}

const SignIn = () => {
  const login = useSignal('')
  const password = useSignal('')
  const { form, busy, problem, issues, submit } = useSubmit(() =>
    signIn({ login: login.value.trim(), password: password.value }),
  )
  return (
    <form class="form" ref={form} onSubmit={submit}>
      <Field
        label="Username or email"
        name="login"
        autocomplete="username"
        autocapitalize="none"
        spellcheck={false}
        required
        value={login.value}
        problem={issues.value['login']}
        onValue={(value) => (login.value = value)}
      />
      <Field
        label="Password"
        name="password"
        type="password"
        autocomplete="current-password"
        required
        value={password.value}
        problem={issues.value['password']}
        onValue={(value) => (password.value = value)}
      />
      <Submit words="Sign in" busyWords="Signing in…" busy={busy.value} problem={problem.value} />
    </form>
  )
}

const Register = () => {
  const displayName = useSignal('')
  const username = useSignal('')
  const email = useSignal('')
  const password = useSignal('')
  const { form, busy, problem, issues, submit } = useSubmit(() =>
    createAccount({
      username: username.value.trim(),
      email: email.value.trim(),
      password: password.value,
      ...(displayName.value.trim() === '' ? {} : { displayName: displayName.value.trim() }),
    }),
  )
  return (
    <form class="form" ref={form} onSubmit={submit}>
      <Field
        label="Your name"
        name="displayName"
        autocomplete="name"
        hint="What others see. You can change it later."
        maxLength={64}
        value={displayName.value}
        problem={issues.value['displayName']}
        onValue={(value) => (displayName.value = value)}
      />
      <Field
        label="Username"
        name="username"
        autocomplete="username"
        autocapitalize="none"
        spellcheck={false}
        required
        hint="How others find you: letters, digits, dots, dashes, underscores."
        maxLength={32}
        value={username.value}
        problem={issues.value['username']}
        onValue={(value) => (username.value = value)}
      />
      <Field
        label="Email"
        name="email"
        type="email"
        autocomplete="email"
        required
        maxLength={254}
        value={email.value}
        problem={issues.value['email']}
        onValue={(value) => (email.value = value)}
      />
      <Field
        label="Password"
        name="password"
        type="password"
        autocomplete="new-password"
        required
        hint="At least 8 characters. A few words in a row are good."
        value={password.value}
        problem={issues.value['password']}
        onValue={(value) => (password.value = value)}
      />
      <Submit words="Make my account" busyWords="One moment…" busy={busy.value} problem={problem.value} />
    </form>
  )
}
