import type { Effect, Scope } from "effect"

export type Runtime = "node" | "deno"

/** The options of the command line. */
export interface Options {
  readonly runtimes: ReadonlyArray<Runtime>
  /** The number of runs of each contender. Contenders take turns. */
  readonly rounds: number
  /** The duration of one run. */
  readonly seconds: number
  /** The number of keep-alive connections, each with one request at a time. */
  readonly connections: number
  /** The number of events, for parts with a configurable size. When undefined, each part uses its default. */
  readonly size: number | undefined
  /** The folder of another checkout, for the part that compares with one. */
  readonly against: string | undefined
}

/** The results of a part: a table, and notes about it. */
export interface Report {
  readonly rows: ReadonlyArray<Readonly<Record<string, string | number>>>
  readonly notes: ReadonlyArray<string>
  /** Violations, such as a 200 that was not stored. */
  readonly failures: ReadonlyArray<string>
}

/** One thing that `npm run bench` measures. */
export interface Part {
  readonly name: string
  /** Its line in `--help`. */
  readonly about: string
  /** Whether it runs only when named, because it takes long. */
  readonly onlyWhenNamed?: boolean
  readonly run: (options: Options) => Effect.Effect<Report, never, Scope.Scope>
}
