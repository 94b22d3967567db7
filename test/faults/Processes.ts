import { Effect } from "effect"
import type { Draw } from "../support/Faults/Bodies.ts"
import type { Part } from "../support/Faults/System.ts"
import { between, type Fault, oneOf } from "./Fault.ts"

/** Faults of the processes under test. */
export const processFaults: ReadonlyArray<Fault> = [
  {
    name: "projector killed",
    row: 11,
    kind: "projector",
    happen: ({ projectors }, draw) =>
      Effect.forEach(
        oneOf(draw, projectors),
        (part) => part.end("SIGKILL").pipe(Effect.andThen(between(draw, 0, 5)), Effect.ensuring(part.start))
      )
  },
  {
    name: "projector paused",
    row: 12,
    kind: "projector",
    happen: ({ projectors }, draw) =>
      Effect.forEach(
        oneOf(draw, projectors),
        (part) => part.pause.pipe(Effect.andThen(between(draw, 11, 20)), Effect.ensuring(part.proceed))
      )
  },
  {
    name: "projectors more and fewer",
    row: 13,
    kind: "projector",
    happen: (target, draw) =>
      Effect.gen(function*() {
        const more = yield* Effect.forEach([1, 2], () => target.add("projector"))
        yield* between(draw, 2, 10)
        for (const part of more) yield* part.end(draw() < 0.5 ? "SIGTERM" : "SIGKILL")
      })
  },
  {
    name: "receiver killed",
    row: 29,
    kind: "receiver",
    happen: ({ receivers }, draw) =>
      Effect.forEach(
        oneOf(draw, receivers),
        (part) => part.end("SIGKILL").pipe(Effect.andThen(part.start))
      )
  },
  {
    name: "receivers restarted",
    row: 29,
    kind: "receiver",
    happen: ({ receivers }) => restarted(receivers)
  },
  {
    name: "projectors restarted",
    row: 29,
    kind: "projector",
    happen: ({ projectors }) => restarted(projectors)
  },
  {
    name: "clock of a receiver set",
    row: 38,
    kind: "receiver",
    happen: ({ receivers }, draw) => clockSet(oneOf(draw, receivers), draw)
  },
  {
    name: "clock of a projector set",
    row: 38,
    kind: "projector",
    happen: ({ projectors }, draw) => clockSet(oneOf(draw, projectors), draw)
  },
  {
    name: "clock of the admin process set",
    row: 38,
    kind: "admin",
    happen: ({ admin }, draw) => clockSet([admin], draw)
  }
]

/** Moves the clock by up to two days forward or back, and restores it after a while. */
const clockSet = (parts: ReadonlyArray<Part>, draw: Draw) =>
  Effect.forEach(parts, (part) =>
    part.moveClock((draw() - 0.5) * 4 * 86_400_000).pipe(
      Effect.andThen(between(draw, 5, 20)),
      Effect.ensuring(part.moveClock(0))
    ), { discard: true })

const restarted = (parts: ReadonlyArray<Part>) =>
  Effect.forEach(parts, (part) =>
    part.end("SIGTERM").pipe(
      Effect.tap((code) =>
        code === 0 ? Effect.void : Effect.die(new Error(`serve ended with ${code} on SIGTERM`))
      ),
      Effect.andThen(part.start)
    ), { discard: true })
