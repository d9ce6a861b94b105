import type { Measurement } from './measurement.ts'

/** The name of what is compared with everything else. */
export const OURS = 'causerie'

/** A server process under measurement. */
export type Subject = {
  name: string
  /** `http://127.0.0.1:9200` */
  url: string
  pid: number
  /** Time of the processor that the process took since it started, in ms, with parts of one. */
  cpuMs(): number
  /** Memory that it holds, in bytes. */
  memory(): number
  /** Ends it and throws its data away. */
  stop(): Promise<void>
}

/** Somebody with an account and a session that outlasts the run. */
export type Person = { id: number; username: string; token: string }

export type Causerie = Subject & {
  people: Person[]
  /** Where its data is: `state/v3/do/…/*.sqlite` and `state/v3/d1/…/*.sqlite` as the runtime keeps them. */
  folder: string
  /** Ends it with SIGKILL, lets the files be changed, and starts it again on the same data: `pid` and `cpuMs` begin anew. */
  restart(meanwhile?: () => void | Promise<void>): Promise<void>
}

export type CauserieOptions = {
  /** How many people are in the directory from the start. Making accounts by requests would take 35 ms each for the passwords. */
  people?: number
}

export type Context = {
  /** For whatever a scenario keeps; on a file system in memory where there is one; thrown away at the end. */
  folder: string
  /** Rounds that count; a scenario runs one more before them, for warming up. */
  rounds: number
  /** One small run to see that everything works: figures mean nothing. */
  quick: boolean
  /** Sizes of groups to measure, from `--sizes`. */
  sizes: number[] | null
  startCauserie(options?: CauserieOptions): Promise<Causerie>
  log(line: string): void
}

/** What a figure of the run must reach, if anything. `of` answers null where the run did not measure it. */
export type Bar = {
  /** 'CPU per delivery among ten, against the floor' */
  claim: string
  atMost?: number
  atLeast?: number
  of(figures: Figures): number | null
}

/** Whether a bar holds; null where it was not measured, or nothing is demanded. */
export type Judgement = { claim: string; demand: string; value: number | null; holds: boolean | null }

/** A bar that nothing was measured for shows nothing. */
export const isUnmeasured = ({ demand, value }: Judgement): boolean => demand !== '' && value === null

export const judge = (bar: Bar, figures: Figures): Judgement => {
  const { claim, atMost, atLeast } = bar
  const value = bar.of(figures)
  const demand = [...(atMost === undefined ? [] : [`≤ ${atMost}`]), ...(atLeast === undefined ? [] : [`≥ ${atLeast}`])]
  const isJudged = value !== null && demand.length > 0
  const holds = isJudged ? value <= (atMost ?? Infinity) && value >= (atLeast ?? -Infinity) : null
  return { claim, demand: demand.join(', '), value, holds }
}

/** The medians of a run. */
export type Figures = {
  median(of: Pick<Measurement, 'scenario' | 'subject' | 'metric'>): number | null
  /** The median over the rounds of what one is divided by the other in the same round. */
  ratio(
    of: Pick<Measurement, 'scenario' | 'subject' | 'metric'>,
    to: Pick<Measurement, 'scenario' | 'subject' | 'metric'>,
  ): number | null
}

/** One metric of a scenario as a picture, in a file of this name. */
export type Plot = { file: string; metric: string; title: string }

/** One file in `scenarios/`, chosen by `--only <name>`. */
export type Scenario = {
  name: string
  bars?: Bar[]
  plots?: Plot[]
  /** Tables of what matters most, before all the others. */
  summary?: (figures: Figures) => string[]
  /** The subject that the others are divided by, where it is not Causerie. */
  baseline?: string
  run(context: Context): Promise<Measurement[]>
}
