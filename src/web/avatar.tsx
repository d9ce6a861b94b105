type Props = { id: number; name: string; online?: boolean; group?: boolean; small?: boolean }

/** The initials on a quiet colour of their own. The name stands beside it in words, so it is hidden from readers. */
export const Avatar = ({ id, name, online = false, group = false, small = false }: Props) => {
  const kind = `${group ? ' avatar-group' : ''}${online ? ' avatar-online' : ''}${small ? ' avatar-small' : ''}`
  return (
    // The golden angle keeps the hues of neighbouring ids far apart; a group and a person may have the same id.
    <span
      class={`avatar${kind}`}
      style={{ '--hue': String(Math.round(id * 137.5 + (group ? 60 : 0)) % 360) }}
      aria-hidden="true"
    >
      {initialsOf(name)}
    </span>
  )
}

const initialsOf = (name: string): string => {
  const words = name.split(/[\s._-]+/u).filter((word) => /[\p{L}\p{N}]/u.test(word))
  const letters = words.length > 1 ? [words[0], words.at(-1)] : [words[0]]
  return letters
    .map((word) => (word === undefined ? '' : (Array.from(word)[0] ?? '')))
    .join('')
    .toLocaleUpperCase()
}
