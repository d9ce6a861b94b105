/** One figure of one subject, once per round: `values` holds a value for each round, in the order measured. */
export type Measurement = {
  /** What was done, as a row of the report names it: 'a message in a group of 10'. */
  scenario: string
  /** Who did it: 'causerie', 'floor', 'socket.io', … */
  subject: string
  metric: string
  unit: 'µs' | 'ms' | 'bytes' | 'count' | 'USD'
  values: number[]
}
