import { it } from "@effect/vitest"
import { Effect, type Layer, type Scope } from "effect"
import { platform } from "./Broker.ts"

/** A test on the real platform, with the real clock; `timeout` in milliseconds. */
export const test = <E>(
  title: string,
  body: Effect.Effect<void, E, Scope.Scope | Layer.Success<typeof platform>>,
  timeout?: number
) => it.live(title, () => body.pipe(Effect.provide(platform)), timeout)
