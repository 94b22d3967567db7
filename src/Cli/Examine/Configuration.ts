import { Config as EffectConfig, Effect, Option } from "effect"
import { ConfigProvider } from "effect"
import { type Config, settings } from "../../Process/Config.ts"
import { ok, warning } from "./Finding.ts"

/** Lists the settings that are set, without their values. */
export const configuration = Effect.fnUntraced(function*({ dotEnv, warnings }: Config) {
  const provider = yield* ConfigProvider.ConfigProvider
  const set = yield* Effect.filter(
    Object.values(settings).map(({ variable }) => variable),
    (variable) =>
      EffectConfig.String(variable).pipe(EffectConfig.option).parse(provider).pipe(
        Effect.map((value) => Option.isSome(value) && value.value !== "")
      )
  )
  const all = [...set, ...dotEnv.variables.map((variable) => `${variable} (${dotEnv.file})`)]
  const seen = all.length === 0 ? "no setting is set; the defaults are used" : `valid; set: ${all.join(", ")}`
  return warnings.length === 0 ? ok(seen) : warning(seen, warnings.join(" "))
})
