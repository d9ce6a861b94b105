type Props = { words: string; busyWords: string; busy: boolean; ready?: boolean; problem: string | undefined }

/** The button that sends a form, and above it why it did not go through. */
export const Submit = ({ words, busyWords, busy, ready = true, problem }: Props) => (
  <>
    {problem !== undefined && (
      <p class="problem" role="alert">
        {problem}
      </p>
    )}
    <button type="submit" class="button button-main" disabled={busy || !ready}>
      {busy ? busyWords : words}
    </button>
  </>
)
