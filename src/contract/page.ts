import { html } from 'hono/html'
import { ERRORS } from '../protocol/errors.ts'
import type { AsyncApi, Channel } from './asyncapi.ts'
import type { Described, OpenApi } from './openapi.ts'
import { nameOf, type Shape } from './shapes.ts'

/** One that nobody reads. */
const LONG_PATTERN = 60

type Html = string | ReturnType<typeof html>

/** Both documents as one page that runs nothing. */
export const pageOf = (openApi: OpenApi, asyncApi: AsyncApi): Html => {
  const groups = groupsOf(openApi)
  const sockets = Object.entries(asyncApi.channels)
  const schemas = Object.entries({ ...asyncApi.components.schemas, ...openApi.components.schemas })
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>Causerie: the API</title>
        <link rel="icon" href="/favicon.svg" type="image/svg+xml" />
        <link rel="stylesheet" href="/docs.css" />
      </head>
      <body>
        <header>
          <h1><a href="/">Causerie</a> <span>the API</span></h1>
          <p>
            For machines: <a href="/openapi.json">OpenAPI 3.1</a> (REST) and <a href="/asyncapi.json">AsyncAPI 3</a>
            (WebSockets).
          </p>
        </header>
        <nav aria-label="Contents">
          ${list(
            'REST',
            groups.filter(isNative).map(({ name }) => link(idOf('tag', name), name)),
          )}
          ${list(
            'WebSockets',
            sockets.map(([name]) => link(idOf('socket', name), name)),
          )}
          ${list(
            'Other APIs',
            groups.filter((group) => !isNative(group)).map(({ name }) => link(idOf('tag', name), name)),
          )}
          ${list('Reference', [link('errors', 'Error codes'), link('schemas', 'Schemas')])}
        </nav>
        <main>
          ${groups.map(groupSection)} ${sockets.map(([name, channel]) => socketSection(name, channel))}
          ${errorSection()}
          <section id="schemas">
            <h2>Schemas</h2>
            ${schemas
              .toSorted(([a], [b]) => a.localeCompare(b))
              .map(([name, shape]) => entry(idOf('schema', name), html`<code>${name}</code>`, typeOf(shape)))}
          </section>
        </main>
      </body>
    </html>`
}

type Group = { name: string; description: string; operations: [method: string, path: string, described: Described][] }

const groupsOf = ({ tags, paths }: OpenApi): Group[] => {
  const all = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, described]): Group['operations'][number] => [method, path, described]),
  )
  return tags.map((tag) => ({ ...tag, operations: all.filter(([, , { tags: its }]) => its[0] === tag.name) }))
}

/** The names of the other APIs begin with the numbers of their documents. */
const isNative = ({ name }: Group): boolean => !/^\d/.test(name)

const idOf = (kind: string, name: string): string => `${kind}-${name.replaceAll(/\W+/g, '-')}`
const link = (id: string, words: string): Html => html`<a href="#${id}">${words}</a>`
const list = (title: string, links: Html[]): Html =>
  html`<h2>${title}</h2>
    <ul>
      ${links.map((each) => html`<li>${each}</li>`)}
    </ul>`
// The id is inside: going there opens what is closed around it.
const entry = (id: string, summary: Html, body: Html): Html =>
  html`<details class="entry">
    <summary>${summary}</summary>
    <div class="body" id="${id}">${body}</div>
  </details>`

const groupSection = ({ name, description, operations }: Group): Html =>
  html`<section id="${idOf('tag', name)}">
    <h2>${name}</h2>
    <p>${description}</p>
    ${operations.map(([method, path, described]) => operationEntry(method, path, described))}
  </section>`

const operationEntry = (method: string, path: string, described: Described): Html => {
  const { operationId, summary, security, parameters = [], requestBody, responses } = described
  const title = html`<span class="method ${method}">${method}</span> <code>${path}</code>
    <span class="does">${summary}</span>`
  const body = html`
    ${security.length > 0 ? html`<p class="note">For who is signed in: <code>Authorization: Bearer …</code></p>` : ''}
    ${parameters.length > 0 ? part('In the address', fieldTable(parameters.map((each) => [each.name, each.schema, each.required]))) : ''}
    ${requestBody ? part('Body', contentOf(requestBody)) : ''}
    ${Object.entries(responses).map(([status, response]) =>
      part(
        html`<span class="status s${status[0]}">${status}</span>`,
        status < '4'
          ? html`<p>${response.description}</p>
              ${contentOf(response)}`
          : words(response.description),
      ),
    )}
  `
  return entry(operationId, title, body)
}

const part = (title: Html, body: Html): Html =>
  html`<h3>${title}</h3>
    ${body}`

const contentOf = ({ content = {} }: { content?: Record<string, { schema: Shape }> }): Html =>
  html`${Object.entries(content).map(([type, { schema }]) =>
    type === 'application/json' ? typeOf(schema) : html`<p><code>${type}</code></p>`,
  )}`

/** Paragraphs with words `in code`. */
const words = (text: string): Html =>
  html`${text
    .split('\n\n')
    .map(
      (line) => html`<p>${line.split('`').map((piece, i) => (i % 2 === 1 ? html`<code>${piece}</code>` : piece))}</p>`,
    )}`

const socketSection = (name: string, { address, description, messages }: Channel): Html =>
  html`<section id="${idOf('socket', name)}">
    <h2>Socket: ${name}</h2>
    <p><code>${address}</code></p>
    ${words(description)}
    ${Object.entries(messages).map(([title, { payload }]) =>
      entry(idOf(`frame-${name}`, title), html`<code>${title}</code>`, typeOf(payload)),
    )}
  </section>`

const errorSection = (): Html =>
  html`<section id="errors">
    <h2>Error codes</h2>
    <div class="wide">
      <table>
        ${Object.entries(ERRORS).map(
          ([code, [status, sentence]]) =>
            html`<tr>
              <td><code>${code}</code></td>
              <td>${status}</td>
              <td>${sentence}</td>
            </tr>`,
        )}
      </table>
    </div>
  </section>`

const typeOf = (shape: Shape): Html => {
  const name = nameOf(shape)
  if (name !== undefined) return link(idOf('schema', name), name)
  const choices = shape.oneOf ?? shape.anyOf
  if (choices)
    return joined(choices.map(typeOf), choices.some(({ properties }) => properties) ? html`<p>or</p>` : ' or ')
  if (shape.properties) {
    const { required = [] } = shape
    return fieldTable(Object.entries(shape.properties).map(([key, field]) => [key, field, required.includes(key)]))
  }
  if (shape.items) return html`list of ${typeOf(shape.items)}${bounds(shape.minItems, shape.maxItems, 'items')}`
  if (shape.const !== undefined) return html`<code>${JSON.stringify(shape.const)}</code>`
  if (shape.enum)
    return joined(
      shape.enum.map((each) => html`<code>${JSON.stringify(each)}</code>`),
      ' ',
    )
  const type = shape.format ?? shape.type ?? 'anything'
  return html`${type}${bounds(shape.minimum ?? above(shape.exclusiveMinimum), shape.maximum, '')}${bounds(shape.minLength, shape.maxLength, 'long')}${
    shape.pattern === undefined || shape.pattern.length > LONG_PATTERN ? '' : html`, <code>${shape.pattern}</code>`
  }${shape.default === undefined ? '' : html`, <code>${JSON.stringify(shape.default)}</code> if left out`}`
}

const joined = (parts: Html[], between: Html): Html =>
  html`${parts.map((each, i) => (i === 0 ? each : html`${between}${each}`))}`

const above = (n: number | undefined): number | undefined => (n === undefined ? undefined : n + 1)

const bounds = (min: number | undefined, max: number | undefined, of: string): string => {
  const [from, to] = [min, max].map((n) => n?.toLocaleString('en'))
  if (from === undefined && to === undefined) return ''
  const range = from === undefined ? `up to ${to}` : to === undefined ? `from ${from}` : `${from} to ${to}`
  return `, ${range}${of && ` ${of}`}`
}

const fieldTable = (fields: [name: string, shape: Shape, isRequired: boolean][]): Html =>
  fields.length === 0
    ? 'nothing'
    : html`<dl>
        ${fields.map(
          ([name, shape, isRequired]) =>
            html`<div>
              <dt><code>${name}</code>${isRequired ? '' : html` <small>optional</small>`}</dt>
              <dd>${typeOf(shape)}</dd>
            </div>`,
        )}
      </dl>`
