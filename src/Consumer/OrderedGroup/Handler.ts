import { Cause, Effect, Exit } from "effect"
import { messageOf } from "../../Process/Failure.ts"
import type { DeadLetterBreaker } from "../DeadLetterBreaker.ts"
import { deadLetter, type Outcome } from "../Outcome.ts"
import type { ConsumedEvent } from "../UserConsumer/ConsumedEvent.ts"
import { InHand } from "../UserConsumer/InHand.ts"
import { resultsOf } from "../UserConsumer/Results.ts"
import { Failures, type Retry } from "../UserConsumer/Retry.ts"
import { Fenced, type Turn } from "./Fence.ts"
import type { Waiting } from "./Waiting.ts"

/** An outcome; `stopped` when the handler was interrupted, `fenced` when the partition has a newer owner. */
export type Judged = Outcome | "stopped" | "fenced"

export interface Handling<T extends string, E, R> {
  readonly name: string
  readonly retry?: Retry | undefined
  /**
   * What happens to an event that has failed after the last delay. `dead-letter`, the default, makes it a dead letter
   * and continues with the next event of its partition. `block` retries it until it succeeds.
   */
  readonly onFailure?: "block" | "dead-letter" | undefined
  /** Handles one event. Meanwhile no member starts another event with the same key. */
  readonly handle: (event: ConsumedEvent<T>, turn: Turn) => Effect.Effect<Outcome | void, E, R>
  /** The member is not healthy when a handler takes longer than this, in milliseconds. Default: 5 minutes. */
  readonly progressWithin?: number | undefined
}

/** Turns the result of the user's handler into an outcome, or reports that it was stopped or fenced. */
export const handler = Effect.fnUntraced(
  function*<T extends string, E, R>(options: Handling<T, E, R>, limit: DeadLetterBreaker) {
    const { name, onFailure = "dead-letter", retry } = options
    const context = yield* Effect.context<R>()
    const failures = new Failures(onFailure === "block" ? { ...retry, isTransient: () => true } : retry)
    const blocked = new Map<number, string>()
    const results = resultsOf(name)
    const inHand = new InHand(options.progressWithin)

    const judge = (
      event: ConsumedEvent<T>,
      turn: Turn,
      exit: Exit.Exit<Outcome, E | Error>
    ): Effect.Effect<Judged> => {
      blocked.delete(turn.partition)
      if (Exit.isSuccess(exit)) return Effect.succeed(failures.settled(event, exit.value))
      if (Cause.hasInterruptsOnly(exit.cause)) return Effect.succeed("stopped")
      const error = Cause.squash(exit.cause)
      if (isFenced(error)) return Effect.succeed("fenced")
      blocked.set(
        turn.partition,
        `partition ${turn.partition} waits for event ${event.id}: ${messageOf(error)}`
      )
      return failures.failed(name, event, error)
    }

    const handle = Effect.fnUntraced(function*({ delivered, event }: Waiting<T>, turn: Turn) {
      const outcome = typeof event === "string"
        ? deadLetter(event)
        : yield* Effect.suspend(() => options.handle(event, turn)).pipe(
          Effect.flatMap(results.outcomeOf),
          Effect.provideContext(context),
          Effect.interruptible,
          Effect.exit,
          (handled) => inHand.during([event], handled),
          Effect.flatMap((exit) => judge(event, turn, exit))
        )
      if (typeof outcome === "string") return outcome
      const [limited = outcome] = yield* limit.settle([delivered], [outcome])
      if (limited._tag !== "RetryAfter") blocked.delete(turn.partition)
      return limited
    }, Effect.uninterruptible)

    return { handle, blocked: () => [...blocked.values()][0], stuck: inHand.stuck }
  }
)

const isFenced = (error: unknown): boolean =>
  error instanceof Fenced || (error instanceof Error && error.cause !== undefined && isFenced(error.cause))
