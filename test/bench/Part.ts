import type { Effect, Scope } from "effect"

export type Runtime = "node" | "deno"

/** What the command line asks for. */
export interface Options {
  readonly runtimes: ReadonlyArray<Runtime>
  /** How often each contender runs; they take turns. */
  readonly rounds: number
  /** Of one run. */
  readonly seconds: number
  /** Kept alive, each with one request at a time. */
  readonly connections: number
  /** How many events, of the parts that have a size of their own; their default when undefined. */
  readonly size: number | undefined
}

/** What a part has seen: a table, and sentences about it. */
export interface Report {
  readonly rows: ReadonlyArray<Readonly<Record<string, string | number>>>
  readonly notes: ReadonlyArray<string>
  /** What must not be, such as a 200 that was not stored. */
  readonly failures: ReadonlyArray<string>
}

/** One thing that `npm run bench` measures. */
export interface Part {
  readonly name: string
  /** One line of `--help`. */
  readonly about: string
  /** Runs only when it is named: it takes long. */
  readonly onlyWhenNamed?: boolean
  readonly run: (options: Options) => Effect.Effect<Report, never, Scope.Scope>
}
