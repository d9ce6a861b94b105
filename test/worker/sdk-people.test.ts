import { expect, test } from 'vitest'
import { newPerson } from '../support/client.ts'

test('[SDK20] people become friends, part, block and unblock through the client, and hear of it live', async () => {
  const [alice, bob] = [await newPerson(), await newPerson()]
  const heard: string[] = []
  for (const type of ['friend.requested', 'friend.added', 'friend.removed'] as const) {
    bob.client.on(type, () => heard.push(type))
  }

  expect(await alice.client.friends.ask(bob.id)).toMatchObject({ state: 'pending' })
  const [request] = (await bob.client.friends.requests()).items
  await bob.client.friends.accept(request?.id ?? 0)
  expect((await alice.client.friends.list()).items).toMatchObject([{ user: { id: bob.id } }])
  await alice.client.friends.remove(bob.id)
  await expect.poll(() => heard).toEqual(['friend.requested', 'friend.added', 'friend.removed'])

  await alice.client.friends.block(bob.id)
  await expect(bob.client.friends.ask(alice.id)).rejects.toMatchObject({ code: 'conversation.blocked' })
  expect((await alice.client.friends.blocks()).items).toMatchObject([{ user: { id: bob.id } }])
  await alice.client.friends.unblock(bob.id)
  const again = await bob.client.friends.ask(alice.id)
  if (again.state !== 'pending') throw new Error('they had not asked each other')
  await bob.client.friends.takeBack(again.request.id)
  expect(await alice.client.friends.ask(bob.id)).toMatchObject({ state: 'pending' })
  const [open] = (await bob.client.friends.requests()).items
  await bob.client.friends.decline(open?.id ?? 0)
  expect((await bob.client.friends.requests()).items).toEqual([])
})

test('[SDK21] people invite one another and plan events through the client', async () => {
  const [alice, bob] = [await newPerson(), await newPerson()]
  const first = await alice.client.invitations.invite({ userId: bob.id, message: 'Shall we talk?' })
  expect(await bob.client.invitations.decline(first.id)).toMatchObject({ status: 'declined' })
  const second = await alice.client.invitations.invite({ userId: bob.id })
  const { conversationId } = await bob.client.invitations.accept(second.id)
  await expect.poll(() => alice.client.inbox.get(conversationId ?? 0)).toBeDefined()
  expect((await alice.client.invitations.list()).items).toMatchObject([{ status: 'accepted' }, { status: 'declined' }])

  const title = `Picnic of ${alice.username}`
  const event = await alice.client.calendar.create({ title, startsAt: '2027-06-01T12:00:00.000Z' })
  await expect(bob.client.calendar.create({ title, startsAt: event.startsAt })).rejects.toMatchObject({
    code: 'event.title_taken',
  })
  expect((await bob.client.calendar.answer(event.id, 'yes')).rsvps).toEqual([{ userId: bob.id, answer: 'yes' }])
  expect(await alice.client.calendar.update(event.id, { location: 'The lake' })).toMatchObject({ location: 'The lake' })
  await bob.client.calendar.withdrawAnswer(event.id)
  expect((await bob.client.calendar.get(event.id)).rsvps).toEqual([])
  expect((await bob.client.calendar.list()).items.map(({ id }) => id)).toContain(event.id)
  await alice.client.calendar.delete(event.id)
  await expect(bob.client.calendar.get(event.id)).rejects.toMatchObject({ code: 'event.not_found' })
})
