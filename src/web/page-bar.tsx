import type { ComponentChildren } from 'preact'
import { useEffect, useRef } from 'preact/hooks'
import { Icon } from './icon.tsx'

type Props = { title: string; back: string; backLabel?: string; phoneOnly?: boolean; children?: ComponentChildren }

/** The head of a page. It takes the focus when the page opens, so that a keyboard or a reader starts there. */
export const PageBar = ({ title, back, backLabel = 'Back', phoneOnly = true, children }: Props) => {
  const heading = useRef<HTMLHeadingElement>(null)
  useEffect(() => {
    // Not where the page itself has put the focus into a field.
    if (document.activeElement === document.body || document.activeElement === null) heading.current?.focus()
  }, [])
  return (
    <header class="bar">
      <a class={`button-icon${phoneOnly ? ' for-phone' : ''}`} href={back} aria-label={backLabel}>
        <Icon name="back" />
      </a>
      <h1 class="bar-grow one-line" tabIndex={-1} ref={heading}>
        {title}
      </h1>
      {children}
    </header>
  )
}
