import { piecesOf } from './links.ts'

/** A message's text as text, with its web and mail addresses as links. */
export const MessageText = ({ text }: { text: string }) => (
  <p class="message-text" dir="auto">
    {piecesOf(text).map(({ text: shown, href }) =>
      href === undefined ? (
        shown
      ) : (
        <a href={href} target="_blank" rel="noopener noreferrer nofollow">
          {shown}
        </a>
      ),
    )}
  </p>
)
