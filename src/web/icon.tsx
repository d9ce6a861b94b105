const PATHS = {
  back: 'M15 5l-7 7 7 7',
  write: 'M4 20h4L19 9a2.1 2.1 0 0 0-4-4L4 16v4zM13.5 6.5l4 4',
  send: 'M5 12h13M12 5.5l6.5 6.5-6.5 6.5',
  close: 'M6 6l12 12M18 6L6 18',
  people:
    'M9 11a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7zM2.5 20c0-3.5 3-6 6.5-6s6.5 2.5 6.5 6M16 4.3a3.5 3.5 0 0 1 0 6.4M18 14.5c2.1.9 3.5 3 3.5 5.5',
  settings:
    'M4 7h10M18 7h2M4 17h2M10 17h10M16 4.8a2.2 2.2 0 1 0 0 4.4 2.2 2.2 0 0 0 0-4.4zM8 14.8a2.2 2.2 0 1 0 0 4.4 2.2 2.2 0 0 0 0-4.4z',
  reply: 'M9 6l-5.5 5.5L9 17M4 11.5h9.5a6.5 6.5 0 0 1 6.5 6.5',
  react:
    'M12 3.5a8.5 8.5 0 1 0 0 17 8.5 8.5 0 0 0 0-17zM8.5 14.2c1 1.3 2.2 1.9 3.5 1.9s2.5-.6 3.5-1.9M9.2 9.3v.9M14.8 9.3v.9',
  remove: 'M4.5 6.5h15M9 6.5V4h6v2.5M6.5 6.5l.9 13.5h9.2l.9-13.5M10 10.5v6M14 10.5v6',
  down: 'M12 5v13M5.5 12l6.5 6.5 6.5-6.5',
  search: 'M10.5 4a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13zM15.5 15.5L20.5 20.5',
  about: 'M12 3.5a8.5 8.5 0 1 0 0 17 8.5 8.5 0 0 0 0-17zM12 11v5.5M12 7.5v.6',
} as const

export type IconName = keyof typeof PATHS

/** A drawing beside or in place of a word; what it means is said by the control that holds it. */
export const Icon = ({ name, size = 20 }: { name: IconName; size?: number }) => (
  <svg
    width={size}
    height={size}
    viewBox="0 0 24 24"
    fill="none"
    stroke="currentColor"
    stroke-width="1.75"
    stroke-linecap="round"
    stroke-linejoin="round"
    aria-hidden="true"
  >
    <path d={PATHS[name]} />
  </svg>
)
