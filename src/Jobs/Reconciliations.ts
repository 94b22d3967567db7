import { Clock, Effect, Layer, type Redacted, Schedule } from "effect"
import { FetchHttpClient } from "effect/http"
import { randomUUID } from "node:crypto"
import type { Reconciliation } from "../Domain/Reconciliation.ts"
import { retrySchedule } from "../Domain/RetrySchedule.ts"
import { messageOf } from "../Process/Failure.ts"
import { ProcessHealth } from "../Process/ProcessHealth.ts"
import { ThreeQpr } from "../Provider/ThreeQpr.ts"
import { ThreeQprFailed } from "../Provider/ThreeQpr/Failure.ts"
import { passCodes } from "./Reconciliations/Codes.ts"
import { pass } from "./Reconciliations/Pass.ts"
import {
  end,
  keep,
  noteCodesError,
  noteError,
  release,
  requestDue,
  take
} from "./Reconciliations/Registry.ts"

export interface ReconcileOptions {
  /** URL of 3QPR's API. */
  readonly url: string
  readonly key: Redacted.Redacted<string>
  /** Interval of scheduled reconciliations, in milliseconds. No schedule if undefined. */
  readonly every: number | undefined
}

/**
 * Runs the requested reconciliations, one at a time across all processes, and requests the scheduled ones. If a
 * process ends, its reconciliation continues in another process or at the next start.
 */
export const layer = (options: ReconcileOptions) =>
  Layer.effectDiscard(Effect.gen(function*() {
    const vitals = yield* ProcessHealth
    const holder = randomUUID()
    const step = Effect.gen(function*() {
      if (options.every !== undefined) {
        // Newer scans may still be delivered, because 3QPR retries for this long.
        yield* requestDue(options.every, (yield* Clock.currentTimeMillis) - retrySchedule)
      }
      const taken = yield* take(holder)
      if (taken !== undefined) yield* perform(taken, holder)
    }).pipe(Effect.catch((error) => Effect.logWarning(`reconciliations wait: ${messageOf(error)}`)))
    yield* vitals.run("reconciliations", Effect.forever(Effect.andThen(step, Effect.sleep("1 second"))))
  })).pipe(
    Layer.provide(
      ThreeQpr.layer({ url: options.url, key: options.key }).pipe(Layer.provide(FetchHttpClient.layer))
    )
  )

/** Number of retries of a failed pass, 15 seconds apart. A pass fails, for example, if 3QPR does not reply. */
const retries = 20

const perform = Effect.fnUntraced(function*(reconciliation: Reconciliation, holder: string) {
  const { id } = reconciliation
  const lost = keep(id, holder).pipe(
    // While the database does not reply, no other process can claim the reconciliation either.
    Effect.orElseSucceed(() => true),
    Effect.repeat({ while: (kept) => kept, schedule: Schedule.spaced("1 second") }),
    Effect.asVoid
  )
  const ours = Effect.flatMap(keep(id, holder), (kept) => kept ? Effect.void : Effect.never)
  const repeatedly = <A, E, R>(part: Effect.Effect<A, E, R>) =>
    part.pipe(
      Effect.tapError((error) =>
        Effect.logWarning(`reconciliation ${id} waits: ${messageOf(error)}`).pipe(
          Effect.andThen(Effect.ignore(noteError(id, messageOf(error))))
        )
      ),
      Effect.retry({
        while: (error) => !(error instanceof ThreeQprFailed) || error.retriable,
        schedule: Schedule.spaced("15 seconds"),
        times: retries
      })
    )
  // A key without permission to list codes must not prevent the repair of scans.
  const codes = repeatedly(passCodes(reconciliation, ours)).pipe(
    Effect.catch((error) =>
      Effect.andThen(
        Effect.logWarning(`reconciliation ${id} has not compared the codes: ${messageOf(error)}`),
        noteCodesError(id, messageOf(error))
      )
    )
  )
  const done = Effect.andThen(repeatedly(pass(reconciliation, ours)), codes).pipe(
    Effect.matchEffect({
      onFailure: (error) => end(id, "failed", messageOf(error)),
      onSuccess: () => end(id, "done")
    }),
    Effect.asVoid
  )
  yield* Effect.raceFirst(done, lost).pipe(
    Effect.onInterrupt(() =>
      release(id, holder).pipe(Effect.interruptible, Effect.timeout("2 seconds"), Effect.ignore)
    )
  )
})
