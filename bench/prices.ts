/** What the platform lists for its paid plan, beyond what the plan includes. */
export const PLATFORM = {
  name: 'Cloudflare Workers Paid',
  lookedUp: '2026-11-21',
  sources: [
    'https://developers.cloudflare.com/durable-objects/platform/pricing/',
    'https://developers.cloudflare.com/d1/platform/pricing/',
    'https://developers.cloudflare.com/workers/platform/pricing/',
  ],
  /** USD per million. Requests to the worker itself, and to objects: calls, alarms, and every twentieth incoming frame. */
  workerRequest: 0.3,
  objectRequest: 0.15,
  /** USD per million GB-seconds; an object counts as 128 MB while it runs or cannot be hibernated. */
  gigabyteSecond: 12.5,
  objectGigabytes: 0.128,
  /** USD per million rows, in objects as in D1. */
  rowWritten: 1,
  rowRead: 0.001,
}

/** What hosted services list for a message; those that list a price per user only, or none, cannot be set beside it. */
export const HOSTED: Service[] = [
  {
    name: 'Ably',
    lookedUp: '2026-11-21',
    source: 'https://ably.com/pricing/full-calculator',
    // Publishing counts as one message, and each delivery as one more.
    perPublished: 2.5,
    perDelivered: 2.5,
  },
  {
    name: 'PubNub',
    lookedUp: '2026-11-21',
    source: 'https://www.pubnub.com/docs/general/resources/pricing',
    // A replicated transaction to publish, an edge transaction for each delivery; keeping the messages costs extra.
    perPublished: 123,
    perDelivered: 33,
  },
]

type Service = {
  name: string
  lookedUp: string
  source: string
  /** USD per million. */
  perPublished: number
  perDelivered: number
}
