import { Config as EffectConfig, ConfigProvider, Effect, Equal, Option, Schema } from "effect"
import { misspelt } from "./Config/Misspelt.ts"
import { contentOf } from "./Config/SecretFile.ts"
import type { Setting } from "./Config/Setting.ts"
import { settings } from "./Config/Settings.ts"

export { isLoopback, isSafe } from "./Config/Address.ts"
export { settings } from "./Config/Settings.ts"

/** Settings that are wrong, all of them at once. */
export class ConfigInvalid
  extends Schema.TaggedError<ConfigInvalid>()("ConfigInvalid", { message: Schema.String })
{}

type Value<S> = S extends Setting<infer A, infer F> ? A | (F extends string ? never : undefined) : never

/** All settings, decoded. Those without a fallback may be undefined. */
export type Config = { readonly [K in keyof typeof settings]: Value<(typeof settings)[K]> } & {
  /** Where secrets were read from that a `_FILE` variable names, by the variable that they stand for. */
  readonly secretFiles: Readonly<Record<string, string>>
  /** What is wrong with settings that do not stop the start. */
  readonly warnings: ReadonlyArray<string>
}

/** Flags of the command line, by the variable they stand for. */
export type Flags = Readonly<Record<string, string>>

/**
 * Reads every setting: a flag over the environment over the default. Blanks and line ends around a value are not
 * part of it; an empty variable is like an unset one; a secret may also stand in a file. Fails with all that is
 * wrong: the variable, what was given (never a secret), what is allowed.
 */
export const load = Effect.fnUntraced(function*(flags: Flags = {}) {
  const environment = yield* ConfigProvider.ConfigProvider
  const provider = ConfigProvider.orElse(ConfigProvider.fromUnknown(flags), environment)
  const faults = [...(yield* misspelt(environment, Object.values(settings).flatMap(variablesOf)))]
  const warnings: Array<string> = []
  const secretFiles: Record<string, string> = {}
  const values: Record<string, unknown> = { secretFiles, warnings }
  for (const [name, setting] of Object.entries<Setting<unknown>>(settings)) {
    const given = yield* read(provider, setting.variable)
    const file = isInFile(setting) ? yield* read(provider, `${setting.variable}_FILE`) : undefined
    if (given !== undefined && file !== undefined) {
      faults.push(`${setting.variable} and ${setting.variable}_FILE are both set; unset one of them.`)
      continue
    }
    const inFile = file === undefined ? undefined : contentOf(setting.variable, file)
    if (typeof inFile === "object") {
      faults.push(inFile.fault)
      continue
    }
    if (file !== undefined) secretFiles[setting.variable] = file
    const text = given ?? inFile ?? setting.fallback
    if (text === undefined) continue
    values[name] = hasControls(text) ? undefined : setting.parse(text)
    if (values[name] !== undefined) continue
    if (setting.otherwise === undefined) {
      faults.push(faultOf(setting, text))
    } else {
      warnings.push(`${faultOf(setting, text)} It is ignored.`)
      values[name] = setting.otherwise.value
    }
  }
  const { adminReadToken, adminToken, apiKey, dedupWindow, reconcileEvery, retention } = values as Partial<
    Config
  >
  if (reconcileEvery !== undefined && apiKey === undefined) {
    faults.push("RECONCILE_EVERY is set and THREEQPR_API_KEY is not; without a key 3QPR tells of no scans.")
  }
  if (
    adminReadToken !== undefined && (adminToken === undefined || Equal.equals(adminReadToken, adminToken))
  ) {
    faults.push(
      "ADMIN_READ_TOKEN is set, and ADMIN_TOKEN is not or is the same; who may change something needs a token of "
        + "their own."
    )
  }
  if (dedupWindow !== undefined && retention?.millis !== undefined && retention.millis < dedupWindow) {
    faults.push(`RETENTION is shorter than DEDUP_WINDOW; allowed is ${settings.retention.allowed}.`)
  }
  if (faults.length > 0) return yield* new ConfigInvalid({ message: faults.join("\n") })
  return values as Config
})

/** A variable that is set, and not to nothing. */
const read = (provider: ConfigProvider.ConfigProvider, variable: string) =>
  Effect.map(
    EffectConfig.String(variable).pipe(EffectConfig.option).parse(provider),
    (given) =>
      Option.getOrUndefined(Option.filter(Option.map(given, (text) => text.trim()), (text) => text !== ""))
  )

/** The file of webhook secrets is another setting: it is read again and again. */
const isInFile = ({ secret, variable }: Setting<unknown>) => secret && variable !== settings.secrets.variable

const variablesOf = (setting: Setting<unknown>) =>
  isInFile(setting) ? [setting.variable, `${setting.variable}_FILE`] : [setting.variable]

const hasControls = (text: string) => /\p{Cc}/u.test(text)

const faultOf = ({ allowed, secret, variable }: Setting<unknown>, given: string) => {
  const control = /\p{Cc}/u.exec(given)
  if (control !== null) {
    const code = control[0].charCodeAt(0).toString(16).toUpperCase().padStart(4, "0")
    return `${variable} holds the control character U+${code} at place ${control.index + 1}; remove it.`
  }
  return `${variable} is ${
    secret ? "not valid (its value is not shown)" : JSON.stringify(given)
  }; allowed is ${allowed}.`
}
