import { signal } from '@preact/signals'

export type Route =
  | { page: 'inbox' }
  | { page: 'conversation'; conversationId: number; about: boolean }
  | { page: 'new-chat' }
  | { page: 'new-group' }
  | { page: 'settings' }

/** Where the reader is, as the hash says it: `#/c/12`, `#/c/12/about`, `#/new`, `#/new/group`, `#/settings`. */
export const route = signal<Route>(parse(location.hash))

export const pathTo = {
  inbox: '#/',
  conversation: (id: number) => `#/c/${id}`,
  about: (id: number) => `#/c/${id}/about`,
  newChat: '#/new',
  newGroup: '#/new/group',
  settings: '#/settings',
}

export const go = (path: string): void => {
  location.hash = path
}

/** Takes the place of the present page in the history, so that going back does not lead into a form that is done with. */
export const goInstead = (path: string): void => location.replace(path)

addEventListener('hashchange', () => {
  route.value = parse(location.hash)
})

function parse(hash: string): Route {
  const [first, second, third] = hash.replace(/^#?\/?/, '').split('/')
  if (first === 'c' && second !== undefined && /^[1-9]\d{0,8}$/.test(second)) {
    return { page: 'conversation', conversationId: Number(second), about: third === 'about' }
  }
  if (first === 'new') return { page: second === 'group' ? 'new-group' : 'new-chat' }
  if (first === 'settings') return { page: 'settings' }
  return { page: 'inbox' }
}
