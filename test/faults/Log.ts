import { Effect, Schedule } from "effect"
import { cpSync, mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { Draw } from "../support/Faults/Bodies.ts"
import { readStream } from "../support/Faults/Stored.ts"
import { secret } from "../support/Faults/System.ts"
import { deliver } from "../support/Faults/Traffic.ts"
import { answered } from "./Admin.ts"
import { between, type Fault, type Target } from "./Fault.ts"

/**
 * Replaces the broker's files with an older copy, as a restore does. Then acts as an operator does: lets 3QPR
 * deliver again what the copy lacks, and rebuilds each read model that refuses the older log.
 */
const olderLog = (target: Target, draw: Draw) =>
  Effect.gen(function*() {
    const { broker } = target
    const copy = yield* Effect.acquireRelease(
      Effect.sync(() => mkdtempSync(join(tmpdir(), "threeqpr-older-log-"))),
      (copy) => Effect.sync(() => rmSync(copy, { recursive: true, force: true }))
    )
    yield* broker.signal("SIGTERM")
    yield* Effect.sync(() => cpSync(broker.storage, copy, { recursive: true })).pipe(
      Effect.ensuring(broker.start)
    )
    yield* between(draw, 3, 10)
    yield* broker.signal("SIGKILL")
    yield* broker.wipe.pipe(
      Effect.andThen(Effect.sync(() => cpSync(copy, broker.storage, { recursive: true }))),
      Effect.ensuring(broker.start)
    )
    yield* Effect.orDie(deliverAgain(target))
    yield* acceptLog(target)
  }).pipe(Effect.scoped)

/** Delivers again what was answered 200 and is not in the present log. */
const deliverAgain = Effect.fnUntraced(function*({ broker, erased, ledger, urls }: Target) {
  const entries = yield* Effect.retry(Effect.tryPromise(() => readStream(broker, "3QPR_EVENTS")), {
    schedule: Schedule.spaced("500 millis"),
    times: 120
  })
  const stored = new Set(entries.map(({ headers }) => headers["ce-id"]))
  const lost = [...ledger.sent.values()].filter(({ accepted, id, kind }) =>
    accepted > 0 && kind !== "forged" && !stored.has(id) && !erased.has(id)
  )
  for (const sent of lost) sent.accepted = 0
  yield* Effect.forEach(lost, (sent) => deliver(ledger, { urls, secret: () => secret }, sent), {
    concurrency: "unbounded",
    discard: true
  })
})

/**
 * Builds each read model from the log whose fault says this, until none has had a fault for 10 seconds. A projector
 * needs a few seconds to see that the log is another one.
 */
export const acceptLog = (target: Target, says = "--accept-new-log") => {
  let quiet = 0
  return Effect.gen(function*() {
    const { projections } = yield* answered(target, (client) => client.projections.list())
    const refusing = projections.filter(({ fault, rebuild }) => rebuild === null && fault?.includes(says))
    yield* Effect.forEach(refusing, ({ name }) =>
      Effect.ignore(
        Effect.timeout(
          answered(target, (client) =>
            client.projections.rebuild({
              params: { name },
              payload: { accept_new_log: true, by: "the faults" }
            })),
          "5 seconds"
        )
      ))
    quiet = projections.every(({ fault, rebuild }) => fault === null && rebuild === null) ? quiet + 1 : 0
    return quiet
  }).pipe(
    Effect.repeat({ until: (quiet) => quiet >= 10, schedule: Schedule.spaced("1 second") }),
    Effect.timeout("3 minutes"),
    Effect.orDie
  )
}

/** Faults of the log itself. */
export const logFaults: ReadonlyArray<Fault> = [
  { name: "older copy of the log", row: 34, kind: "broker", alone: true, happen: olderLog }
]
