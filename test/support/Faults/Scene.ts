import { assert } from "@effect/vitest"
import { Context, Effect, Exit, Layer, type Scope } from "effect"
import { Buffer } from "node:buffer"
import process from "node:process"
import * as Signature from "../../../src/Signature/Signature.ts"
import { type Answer, deliver, send } from "../Http.ts"
import { until } from "../Until.ts"
import type { CheckOptions, Verdict } from "./Check.ts"
import { type Attempt, Ledger, type Sent } from "./Ledger.ts"
import * as System from "./System.ts"
import * as Traffic from "./Traffic.ts"

/** A system, and the ledger of everything that the tests of a file send to it. Each test restores the system. */
export class Scene extends Context.Service<Scene, {
  readonly system: System.System
  readonly ledger: Ledger
  /** Starts traffic with new bodies, until it is stopped or the scope ends. */
  readonly traffic: (
    options?: Partial<Omit<Traffic.TrafficOptions, "seed">>
  ) => Effect.Effect<Traffic.Traffic, never, Scope.Scope>
  /** Waits for `count` attempts with this status that ended at `since` (of `performance.now`) or later. */
  readonly answered: (count: number, status: number, since?: number) => Effect.Effect<void>
  /** An event of a type that no projection reads, to be sent with `attempt`. */
  readonly event: (id: string) => Sent
  /** Delivers a body once to the receiver with this index, and records the answer in the ledger. */
  readonly attempt: (sent: Sent, receiver?: number) => Effect.Effect<Answer>
  /** Waits until everything is handled. Fails unless everything that was sent is where it belongs, once. */
  readonly whole: (options?: CheckOptions) => Effect.Effect<Verdict>
}>()("threeqpr-events/test/Faults/Scene") {
  static readonly layer = (options: System.SystemOptions) => Layer.effect(Scene, make(options))
}

const make = Effect.fnUntraced(function*(options: System.SystemOptions) {
  const system = yield* System.make(options)
  const ledger = new Ledger()
  let runs = 0
  return Scene.of({
    system,
    ledger,
    traffic: (options) =>
      Effect.suspend(() => {
        const began = new Map(partsOf(system).map((part) => [part, part.now()?.logs.length ?? 0]))
        return Effect.andThen(
          Effect.addFinalizer((exit) =>
            Effect.sync(() => Exit.isFailure(exit) && showLogs(system, (part) => began.get(part) ?? 0))
          ),
          Traffic.run(ledger, {
            rate: 100,
            urls: system.urls,
            secret: () => System.secret,
            ...options,
            seed: ++runs
          })
        )
      }),
    answered: (count, status, since = performance.now()) =>
      Effect.asVoid(until(
        `${count} answers ${status}`,
        Effect.sync(() => statusesOf(ledger.attempts.filter((attempt) => endOf(attempt) >= since))),
        (statuses) => (statuses[status] ?? 0) >= count
      )),
    event: (id) => {
      const event = "menu.opened"
      return ledger.add("event", event, Buffer.from(JSON.stringify({ id, event, data: {} })), id)
    },
    attempt: Effect.fnUntraced(function*(sent, receiver = 0) {
      const at = performance.now()
      const { body } = sent
      const signature = Signature.sign(body, System.secret)
      const answer = yield* deliver(system.urls()[receiver] ?? "", { body, signature })
      ledger.attempts.push({ at, took: performance.now() - at, status: answer.status })
      if (answer.status === 200) sent.accepted++
      return answer
    }),
    whole: Effect.fnUntraced(function*(options) {
      const verdict = yield* system.check(ledger, options)
      assert.deepStrictEqual(verdict.problems, [])
      assert.strictEqual(verdict.counts.ok, verdict.counts.sent)
      return verdict
    })
  })
})

/** The processes under test that receive or project. */
export const partsOf = ({ projectors, receivers }: System.System): ReadonlyArray<System.Part> => [
  ...receivers,
  ...projectors
]

/** Prints what the processes under test have logged since a failed test began, 60 lines at most. */
const showLogs = (system: System.System, from: (part: System.Part) => number) => {
  for (const part of partsOf(system)) {
    const lines = part.now()?.logs.slice(from(part)).slice(-60) ?? []
    process.stderr.write(`${part.role} ${part.now()?.pid}:\n${lines.map((line) => `  ${line}\n`).join("")}`)
  }
}

/** The end of an attempt, as a time of `performance.now`. */
export const endOf = ({ at, took }: Attempt) => at + took

/**
 * The delay that a busy machine adds, in milliseconds: the duration of the longest forged attempt. Forged attempts
 * wait for neither the broker nor the database.
 */
export const costOf = (attempts: ReadonlyArray<Attempt>): number =>
  Math.max(0, ...attempts.filter(({ status }) => status === 400).map(({ took }) => took))

/** Attempts that took longer than a limit in milliseconds plus the delay that a busy machine adds. */
export const slowerThan = (limit: number, attempts: ReadonlyArray<Attempt>): ReadonlyArray<Attempt> => {
  const allowed = limit + costOf(attempts)
  return attempts.filter(({ took }) => took >= allowed)
}

/** The health of a process under test. The status is 0 when it does not answer. */
export const healthOf = (part: Pick<System.Part, "admin">, path: "/livez" | "/readyz") =>
  send(`${part.admin}${path}`).pipe(
    Effect.timeout("2 seconds"),
    Effect.map(({ body, status }) => ({ status, text: JSON.stringify(body) })),
    Effect.sandbox,
    Effect.catch(() => Effect.succeed({ status: 0, text: "" }))
  )

/** Waits until a process under test is ready (200) or not ready (503). */
export const untilReadiness = (part: Pick<System.Part, "admin">, status: 200 | 503, within?: number) =>
  until(`/readyz ${status}`, healthOf(part, "/readyz"), (health) => health.status === status, within)

const statusesOf = (attempts: ReadonlyArray<Attempt>) => {
  const statuses: Record<number, number> = {}
  for (const { status } of attempts) statuses[status] = (statuses[status] ?? 0) + 1
  return statuses
}
