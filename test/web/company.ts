import type { BrowserContextOptions } from 'playwright-core'
import { afterEach, expect } from 'vitest'
import { setStage } from '../support/stage.ts'
import { Person } from './person.ts'

/** People at browsers of their own, for the tests of one file. After each test they leave, and no browser may have complained. */
export const gather = () => {
  const stage = setStage()
  let present: Person[] = []
  afterEach(async () => {
    const complaints = present.flatMap((person) => person.complaints)
    await Promise.all(present.map((person) => person.page.context().close()))
    present = []
    expect(complaints, 'the browser has nothing to complain about').toEqual([])
  })
  const signUp = async (name: string, context: BrowserContextOptions = {}): Promise<Person> => {
    const person = await Person.signUp({ browser: stage.browser, url: stage.server.url, name, context })
    present.push(person)
    return person
  }
  const people = <Names extends string[]>(...names: Names) =>
    Promise.all(names.map((name) => signUp(name))) as Promise<{ [At in keyof Names]: Person }>
  return { stage, signUp, people }
}
