import { useLayoutEffect, useRef } from 'preact/hooks'

type Props = { question: string; yes: string; no?: string; onYes: () => void; onNo: () => void }

/** Asks once more, in the place where the first press was. */
export const Sure = ({ question, yes, no = 'Cancel', onYes, onNo }: Props) => {
  const box = useRef<HTMLDivElement>(null)
  // What was pressed is gone; the answer that changes nothing takes its focus, and gives it back to what was asked about.
  useLayoutEffect(() => {
    const shut = box.current
    shut?.querySelector<HTMLElement>('button:last-child')?.focus()
    return () => {
      if (shut?.contains(document.activeElement)) shut.closest<HTMLElement>('[tabindex]')?.focus()
    }
  }, [])
  return (
    <div class="actions sure" role="group" aria-label={question} ref={box}>
      <p class="small">{question}</p>
      <button type="button" class="button button-small button-bad" onClick={onYes}>
        {yes}
      </button>
      <button type="button" class="button button-small" onClick={onNo}>
        {no}
      </button>
    </div>
  )
}
