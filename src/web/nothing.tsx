import type { ComponentChildren } from 'preact'

/** An empty place that says what to do about it. */
export const Nothing = ({
  title,
  children,
  action,
}: {
  title: string
  children: ComponentChildren
  action?: ComponentChildren
}) => (
  <div class="nothing">
    <p class="nothing-title">{title}</p>
    <p>{children}</p>
    {action}
  </div>
)
