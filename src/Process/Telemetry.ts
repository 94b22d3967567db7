import { Effect, Option, References } from "effect"
import { GlobalFlag } from "effect/cli"
import type { Config } from "./Config.ts"

export { layer, lineOf } from "./Telemetry/Logs.ts"

/** Sets the minimum log level, unless the flag `--log-level` is given. */
export const withLogLevel = (level: Config["logLevel"]) => <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.flatMap(
    GlobalFlag.LogLevel,
    (flag) => Option.isSome(flag) ? effect : Effect.provideService(effect, References.MinimumLogLevel, level)
  )
