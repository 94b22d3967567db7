/**
 * Room `Process`: what every process has: settings, failures, metrics, traces, health, locks, lifetime.
 *
 * Promises: A wrong setting stops the start, with its name and what is allowed. No secret is shown.
 *
 * May use: `Domain`.
 */
import { Config as EffectConfig, ConfigProvider, Effect, Equal, Option, Schema } from "effect"
import { withoutCredentials } from "./Config/Address.ts"
import * as DotEnv from "./Config/DotEnv.ts"
import { misspelt } from "./Config/Misspelt.ts"
import { contentOf } from "./Config/SecretFile.ts"
import type { Setting } from "./Config/Setting.ts"
import { settings } from "./Config/Settings.ts"

export { hasCredentials, isLoopback, isSafe } from "./Config/Address.ts"
export { settings } from "./Config/Settings.ts"

/** One or more settings are wrong; the message lists all of them. */
export class ConfigInvalid
  extends Schema.TaggedError<ConfigInvalid>()("ConfigInvalid", { message: Schema.String })
{}

type Value<S> = S extends Setting<infer A, infer F> ? A | (F extends string ? never : undefined) : never

/** All settings, decoded. Those without a default may be undefined. */
export type Config = { readonly [K in keyof typeof settings]: Value<(typeof settings)[K]> } & {
  /** The files from which `_FILE` variables gave secrets, by the variable of the secret. */
  readonly secretFiles: Readonly<Record<string, string>>
  /** The environment file, and the variables that were read from it. */
  readonly dotEnv: { readonly file: string; readonly variables: ReadonlyArray<string> }
  /** Faults of settings that do not stop the start. */
  readonly warnings: ReadonlyArray<string>
}

/** Flags of the command line, by the variable that they set. */
export type Flags = Readonly<Record<string, string>>

/**
 * Reads every setting: a flag overrides the environment, which overrides the environment file, which overrides the
 * default. Leading and trailing white space of a value is removed. An empty variable counts as unset. A secret may
 * also be in a file. Fails with every fault: the variable, the given value (never a secret), and the allowed values.
 */
export const load = Effect.fnUntraced(function*(flags: Flags = {}) {
  const environment = yield* ConfigProvider.ConfigProvider
  const provider = ConfigProvider.orElse(ConfigProvider.fromUnknown(flags), environment)
  const dotEnv = yield* loadDotEnv(provider, variables)
  const valueOf = (variable: string) =>
    Effect.map(read(provider, variable), (given) => given ?? dotEnv.values[variable])
  const faults = [...dotEnv.faults, ...(yield* misspelt(environment, variables))]
  const warnings = [...dotEnv.warnings]
  const secretFiles: Record<string, string> = {}
  const values: Record<string, unknown> = {
    secretFiles,
    warnings,
    dotEnv: { file: dotEnv.file, variables: Object.keys(dotEnv.values) }
  }
  for (const [name, setting] of Object.entries<Setting<unknown>>(settings)) {
    const file = isInFile(setting) ? yield* valueOf(`${setting.variable}_FILE`) : undefined
    if (file !== undefined) secretFiles[setting.variable] = file
    const { fault, value, warning } = decode(setting, yield* valueOf(setting.variable), file)
    if (fault !== undefined) faults.push(fault)
    if (warning !== undefined) warnings.push(warning)
    if (value !== undefined) values[name] = value
  }
  faults.push(...contradictionsIn(values as Partial<Config>))
  if (faults.length > 0) return yield* new ConfigInvalid({ message: faults.join("\n") })
  return values as Config
})

/** The settings of the environment file that nothing else sets, its faults, and a warning about its permissions. */
const loadDotEnv = Effect.fnUntraced(
  function*(provider: ConfigProvider.ConfigProvider, known: ReadonlyArray<string>) {
    const file = (yield* DotEnv.DotEnv) ?? ""
    const content = DotEnv.contentOf(file === "" ? undefined : file)
    const values = yield* unlessSet(provider, content.values, known)
    const unknown = yield* misspelt(ConfigProvider.fromUnknown(content.values), known)
    const secrets = Object.values<Setting<unknown>>(settings)
      .filter(({ secret, variable }) => secret && values[variable] !== undefined)
      .map(({ variable }) => variable)
    const warnings = content.readableByOthers && secrets.length > 0
      ? [`${file} holds ${secrets.join(", ")}, and other users can read it. Run \`chmod 600 ${file}\`.`]
      : []
    return {
      file,
      values,
      faults: [...content.faults, ...unknown.map((fault) => `${file}: ${fault}`)],
      warnings
    }
  }
)

/** A setting's value, or why it has none. A warning does not stop the start. */
interface Decoded {
  readonly value?: unknown
  readonly fault?: string
  readonly warning?: string
}

const decode = (setting: Setting<unknown>, given: string | undefined, file: string | undefined): Decoded => {
  const { fallback, otherwise, parse, variable } = setting
  if (given !== undefined && file !== undefined) {
    return { fault: `${variable} and ${variable}_FILE are both set. Unset one of them.` }
  }
  const inFile = file === undefined ? undefined : contentOf(variable, file)
  if (typeof inFile === "object") return inFile
  const text = given ?? inFile ?? fallback
  if (text === undefined) return {}
  const value = hasControls(text) ? undefined : parse(text)
  if (value !== undefined) return { value }
  const fault = faultOf(setting, text)
  return otherwise === undefined ? { fault } : { warning: `${fault} It is ignored.`, value: otherwise.value }
}

/** A sentence for each pair of settings that exclude each other. */
const contradictionsIn = (config: Partial<Config>): ReadonlyArray<string> => {
  const { adminReadToken, adminToken, adminWithoutToken, apiKey, dedupWindow, reconcileEvery, retention } =
    config
  const faults: Array<string> = []
  if (reconcileEvery !== undefined && apiKey === undefined) {
    faults.push("RECONCILE_EVERY is set, but THREEQPR_API_KEY is not. 3QPR's API requires a key.")
  }
  if (
    adminReadToken !== undefined && (adminToken === undefined || Equal.equals(adminReadToken, adminToken))
  ) {
    faults.push(
      "ADMIN_READ_TOKEN is set, but ADMIN_TOKEN is not set or has the same value. Set ADMIN_TOKEN to another "
        + "token, which may also change things."
    )
  }
  if (adminWithoutToken && adminToken !== undefined) {
    faults.push("ADMIN_WITHOUT_TOKEN is true, but ADMIN_TOKEN is set. Unset one of them.")
  }
  if (dedupWindow !== undefined && retention?.millis !== undefined && retention.millis < dedupWindow) {
    faults.push(`RETENTION is shorter than DEDUP_WINDOW; allowed is ${settings.retention.allowed}.`)
  }
  return faults
}

/**
 * The settings of an environment file that nothing else sets. A secret and its `_FILE` variable are one setting. A
 * `_FILE` variable of the environment therefore overrides the secret of an environment file.
 */
const unlessSet = Effect.fnUntraced(
  function*(
    provider: ConfigProvider.ConfigProvider,
    values: Readonly<Record<string, string>>,
    known: ReadonlyArray<string>
  ) {
    const kept = yield* Effect.filter(
      Object.entries(values).filter(([name, value]) => known.includes(name) && value.trim() !== ""),
      ([name]) => {
        const bare = name.replace(/_FILE$/, "")
        const same = [bare, `${bare}_FILE`].map((name) => read(provider, name))
        return Effect.map(Effect.all(same), (set) => set.every((value) => value === undefined))
      }
    )
    return Object.fromEntries<string | undefined>(kept.map(([name, value]) => [name, value.trim()]))
  }
)

/** The value of a variable; undefined when it is unset or empty. */
const read = (provider: ConfigProvider.ConfigProvider, variable: string) =>
  Effect.map(
    EffectConfig.String(variable).pipe(EffectConfig.option).parse(provider),
    (given) =>
      Option.getOrUndefined(Option.filter(Option.map(given, (text) => text.trim()), (text) => text !== ""))
  )

/** The file of webhook secrets is a separate setting, because it is read repeatedly. */
const isInFile = ({ secret, variable }: Setting<unknown>) => secret && variable !== settings.secrets.variable

const variablesOf = (setting: Setting<unknown>) =>
  isInFile(setting) ? [setting.variable, `${setting.variable}_FILE`] : [setting.variable]

/** The names of all settings, with those that name a secret's file. */
export const variables: ReadonlyArray<string> = Object.values(settings).flatMap(variablesOf)

const hasControls = (text: string) => /\p{Cc}/u.test(text)

const faultOf = ({ allowed, secret, variable }: Setting<unknown>, given: string) => {
  const control = /\p{Cc}/u.exec(given)
  if (control !== null) {
    const code = control[0].charCodeAt(0).toString(16).toUpperCase().padStart(4, "0")
    return `${variable} contains the control character U+${code} at position ${control.index + 1}. Remove it.`
  }
  return `${variable} is ${
    secret ? "not valid (its value is not shown)" : JSON.stringify(withoutCredentials(given))
  }; allowed is ${allowed}.`
}
