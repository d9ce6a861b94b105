/**
 * Whether a key goes to an input method: in Japanese, Chinese or Korean Enter takes a word and Escape drops it. Safari says so of the last
 * one by its code alone, for to it the composition is over then.
 */
export const isComposing = (event: KeyboardEvent): boolean => event.isComposing || event.keyCode === 229
