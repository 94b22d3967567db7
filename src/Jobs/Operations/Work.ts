import type { Effect } from "effect"
import type { SqlError } from "effect/sql/SqlError"
import type { Outcome } from "../../Domain/Operation.ts"
import type { AppendFailed, ReadFailed } from "../../EventLog/EventLog.ts"
import type { Operation } from "../../EventLog/Operations.ts"

/** What an operation of one kind does with its events. */
export interface Work {
  /** Safe to do again for ids of which no outcome is recorded. Gives the outcomes that it has not recorded itself. */
  readonly run: (
    operation: Operation,
    ids: ReadonlyArray<string>
  ) => Effect.Effect<ReadonlyArray<Pick<Outcome, "id" | "result">>, AppendFailed | ReadFailed | SqlError>
  /** Ids that the operation has to be on as well, asked before its last outcomes are recorded, until there are none. */
  readonly more?: (
    operation: Operation,
    planned: ReadonlySet<string>
  ) => Effect.Effect<ReadonlyArray<string>, ReadFailed | SqlError>
  /** Does what comes after the record of an outcome, in case that we were interrupted before it. */
  readonly finish: (outcomes: ReadonlyArray<Outcome>) => Effect.Effect<void, AppendFailed | ReadFailed>
}
