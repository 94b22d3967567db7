import { Effect } from "effect"
import type { Part } from "../support/Faults/System.ts"
import { between, type Fault, oneOf } from "./Fault.ts"

/** What can happen to our own processes. */
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
  }
]

const restarted = (parts: ReadonlyArray<Part>) =>
  Effect.forEach(parts, (part) =>
    part.end("SIGTERM").pipe(
      Effect.tap((code) =>
        code === 0 ? Effect.void : Effect.die(new Error(`serve ended with ${code} on SIGTERM`))
      ),
      Effect.andThen(part.start)
    ), { discard: true })
