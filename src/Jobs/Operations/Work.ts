import type { Effect } from "effect"
import type { SqlError } from "effect/sql/SqlError"
import type { Outcome } from "../../Domain/Operation.ts"
import type { AppendFailed, ReadFailed } from "../../EventLog/EventLog.ts"
import type { Operation } from "../../EventLog/Operations.ts"

/** The implementation of one kind of operation. */
export interface Work {
  /**
   * Handles ids. It must be repeatable for ids without a recorded outcome. Returns the outcomes that it has not
   * recorded itself.
   */
  readonly run: (
    operation: Operation,
    ids: ReadonlyArray<string>
  ) => Effect.Effect<ReadonlyArray<Pick<Outcome, "id" | "result">>, AppendFailed | ReadFailed | SqlError>
  /** Further ids for the operation. Called before the last outcomes are recorded, until it returns none. */
  readonly more?: (
    operation: Operation,
    planned: ReadonlySet<string>
  ) => Effect.Effect<ReadonlyArray<string>, ReadFailed | SqlError>
  /** Completes the steps that follow the record of an outcome, in case the process was interrupted before them. */
  readonly finish: (outcomes: ReadonlyArray<Outcome>) => Effect.Effect<void, AppendFailed | ReadFailed>
}
