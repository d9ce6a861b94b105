/** Whether a finger writes here: then Enter breaks the line, and a button sends. */
export const onTouch = matchMedia('(pointer: coarse)')
