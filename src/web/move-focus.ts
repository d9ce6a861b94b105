/** Arrow keys, Home and End go through the items of a list that match `selector`. */
export const moveFocus = (event: KeyboardEvent & { currentTarget: HTMLElement }, selector: string): void => {
  const items = [...event.currentTarget.querySelectorAll<HTMLElement>(selector)]
  const at = items.findIndex((item) => item === document.activeElement)
  if (at === -1) return
  const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: items.length - 1 }[event.key]
  const target = to === undefined ? undefined : items[to]
  if (target === undefined) return
  event.preventDefault()
  target.focus()
}
