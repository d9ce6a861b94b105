import { useSignal } from '@preact/signals'
import { useLayoutEffect, useRef } from 'preact/hooks'

const NEAR_END = 60
const NEAR_START = 600

/**
 * Keeps what is being read where it is: at the end it stays at the end, elsewhere the topmost visible row (`data-key`) keeps
 * its place, whatever is added above or below. Calls `onNearStart` when the reader comes close to the first row.
 */
export const useHeldScroll = (onNearStart: () => void) => {
  const box = useRef<HTMLDivElement>(null)
  const held = useRef<{ key: string; top: number } | null>(null)
  const noted = useRef({ top: 0, height: 0, shown: 0 })
  const atEnd = useSignal(true)
  const shown = useSignal(true)

  const note = () => {
    const view = box.current
    // What is hidden has no height, and is scrolled nowhere.
    if (view === null || view.clientHeight === 0) return
    atEnd.value = view.scrollHeight - view.scrollTop - view.clientHeight < NEAR_END
    held.current = topmostOf(view)
    noted.current = { top: view.scrollTop, height: view.scrollHeight, shown: view.clientHeight }
    if (view.scrollTop < NEAR_START) onNearStart()
  }

  const hold = () => {
    const view = box.current
    if (view === null) return
    shown.value = view.clientHeight > 0
    if (!shown.peek()) return
    const { current } = held
    const before = noted.current
    if (hasMoved(view, before)) {
      // The reader has scrolled, and a render came before the word of it: they are not to be thrown back.
      atEnd.value = before.height - view.scrollTop - before.shown < NEAR_END
      if (current !== null) current.top += before.top - view.scrollTop
    }
    if (atEnd.peek()) view.scrollTop = view.scrollHeight
    else if (current !== null) {
      const row = view.querySelector(`[data-key="${CSS.escape(current.key)}"]`)
      if (row !== null) view.scrollTop += topIn(view, row) - current.top
    }
    note()
  }

  // After every render, for any of them may have changed a height.
  useLayoutEffect(hold)
  useLayoutEffect(() => {
    const view = box.current
    if (view === null) return
    // A phone's keyboard, a turned screen, a growing composer, a message that is being edited.
    const observer = new ResizeObserver(hold)
    observer.observe(view)
    for (const child of view.children) observer.observe(child)
    return () => observer.disconnect()
  }, [])

  const toEnd = () => {
    atEnd.value = true
    box.current?.scrollTo({ top: box.current.scrollHeight })
    hold()
  }
  const toRow = (key: string) => {
    if (box.current?.clientHeight === 0) return
    atEnd.value = false
    box.current?.querySelector(`[data-key="${CSS.escape(key)}"]`)?.scrollIntoView({ block: 'center' })
    note()
  }
  return { box, atEnd, shown, note, toEnd, toRow }
}

/** The browser itself never moves a view down, and up only where there is less to scroll than before. */
const hasMoved = (view: HTMLElement, before: { top: number; height: number; shown: number }) =>
  view.scrollTop > before.top ||
  (view.scrollTop < before.top && view.scrollHeight >= before.height && view.clientHeight <= before.shown)

const topIn = (view: HTMLElement, row: Element) => row.getBoundingClientRect().top - view.getBoundingClientRect().top

/** The separator of what is new moves from row to row as older ones load: nothing can be held by it. */
const topmostOf = (view: HTMLElement) => {
  for (const row of view.querySelectorAll<HTMLElement>('[data-key]:not([data-key="new"])')) {
    const top = topIn(view, row)
    if (top + row.offsetHeight > 0) return { key: row.dataset['key'] ?? '', top }
  }
  return null
}
