import { connectionWords } from './state.ts'

/** A thin line of text while there is no connection; nothing while there is one. */
export const ConnectionLine = ({ phoneOnly = false }: { phoneOnly?: boolean }) => (
  <div class={phoneOnly ? 'for-phone-block' : ''} role="status">
    {connectionWords.value !== null && <p class="connection">{connectionWords.value}</p>}
  </div>
)
