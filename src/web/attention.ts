import { signal } from '@preact/signals'

const isLooking = () => document.visibilityState === 'visible' && document.hasFocus()

/** Somebody looks at this window: only then is what it shows read. */
export const attentive = signal(isLooking())

const look = () => {
  attentive.value = isLooking()
}
addEventListener('focus', look)
addEventListener('blur', look)
document.addEventListener('visibilitychange', look)
