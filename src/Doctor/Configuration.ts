import { Config as EffectConfig, Effect, Option } from "effect"
import { ConfigProvider } from "effect"
import { settings } from "../Config.ts"
import { ok } from "./Finding.ts"

/** Which settings the environment has; their values stay there. */
export const configuration = Effect.gen(function*() {
  const provider = yield* ConfigProvider.ConfigProvider
  const set = yield* Effect.filter(
    Object.values(settings).map(({ variable }) => variable),
    (variable) =>
      EffectConfig.String(variable).pipe(EffectConfig.option).parse(provider).pipe(
        Effect.map((value) => Option.isSome(value) && value.value !== "")
      )
  )
  return ok(set.length === 0 ? "nothing is set: the defaults" : `valid; set: ${set.join(", ")}`)
})
