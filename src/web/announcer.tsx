import { announcement } from './state.ts'

/** Tells a screen reader of what arrives, once, without moving the focus. */
export const Announcer = () => (
  <div class="unseen" aria-live="polite">
    <p key={announcement.value.number}>{announcement.value.words}</p>
  </div>
)
