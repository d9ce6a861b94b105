import * as z from 'zod'

/** One picture, as text or as a picture, perhaps with a colour of skin. */
const PICTURE = String.raw`\p{ExtPict}[\uFE0F\p{EMod}]?`
/** The black flag with the letters of a region, as of Scotland. */
const REGION = String.raw`\u{1F3F4}[\u{E0030}-\u{E0039}\u{E0061}-\u{E007A}]{3,6}\u{E007F}`

/** One flag, one keycap, or one picture, perhaps joined to others: what people see as one emoji. */
const ONE_EMOJI = new RegExp(
  String.raw`^(?:\p{RI}{2}|[0-9#*]\uFE0F?\u20E3|${REGION}|${PICTURE}(?:\u200D${PICTURE})*)$`,
  'u',
)

/** What may be a text or a picture says that it is a picture; what is always one does not (UTS #51, ED-18a). */
const qualified = (emoji: string): string =>
  emoji
    .replaceAll(/(\p{EPres})\uFE0F/gu, '$1')
    .replaceAll(/(?=[\p{ExtPict}0-9#*])(\P{EPres})(?![\uFE0F\p{EMod}])/gu, '$1\uFE0F')

/** One emoji, as one grapheme with its modifiers. The same one written in two ways is the same. */
export const Emoji = z.string().max(32).regex(ONE_EMOJI, 'must be an emoji').overwrite(qualified)
