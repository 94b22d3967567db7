import { Console, type Duration, Effect, Layer, Option } from "effect"
import { Flag } from "effect/cli"
import { AdminClient } from "../Admin/Client.ts"
import * as AdminToken from "../Process/AdminToken.ts"
import { type Config, type Flags, isSafe, load, settings } from "../Process/Config.ts"
import { HttpUrl } from "./HttpUrl.ts"

/** A flag that overrides a setting. Without it, the environment applies, then the default. */
export const settingFlag = (flag: string, setting: keyof typeof settings) =>
  Flag.String(flag).pipe(
    Flag.withDescription(
      `${settings[setting].about} (${settings[setting].variable}${
        settings[setting].fallback === undefined ? "" : `, default ${settings[setting].fallback}`
      })`
    ),
    Flag.optional
  )

/** The given flags, by the variables that they override. */
export const given = (flags: Partial<Record<keyof typeof settings, Option.Option<string>>>): Flags =>
  Object.fromEntries(
    Object.entries(flags).flatMap(([name, value]) =>
      value !== undefined && Option.isSome(value)
        ? [[settings[name as keyof typeof settings].variable, value.value]]
        : []
    )
  )

/** Prints Write JSON for programs instead of a table. Every command that shows data has this flag. */
export const jsonFlag = Flag.Boolean("json").pipe(
  Flag.withDescription("Write JSON for programs instead of a table"),
  Flag.withDefault(false)
)

/** The address of the private listener that a command calls. */
export const adminUrlFlag = Flag.String("admin-url").pipe(
  Flag.withDescription("The private listener (default http://127.0.0.1:<ADMIN_PORT>)"),
  Flag.withSchema(HttpUrl),
  Flag.optional
)

/** The address of the private listener, from the flag or the settings. */
export const adminUrl = (flag: Option.Option<string>, { adminHost, adminPort }: Config) =>
  Option.getOrElse(flag, () => {
    const host = adminHost === "0.0.0.0" || adminHost === "::" ? "127.0.0.1" : adminHost
    return `http://${host.includes(":") ? `[${host}]` : host}:${adminPort}`
  }).replace(/\/+$/, "")

/** The client of the private listener, for a command that has `adminUrlFlag`. */
export const adminClient = (flag: Option.Option<string>, patience?: Duration.Input) =>
  Layer.unwrap(Effect.gen(function*() {
    const settings = yield* load()
    const url = adminUrl(flag, settings)
    const config = yield* AdminToken.withKept(settings, url)
    yield* warnOfPlainToken(url, config)
    return AdminClient.layer({ url, token: config.adminToken ?? config.adminReadToken, patience })
  }))

/** Warns when the token is sent to the private listener without encryption. */
export const warnOfPlainToken = (url: string, { adminReadToken, adminToken }: Config) =>
  (adminToken ?? adminReadToken) === undefined || isSafe(url)
    ? Effect.void
    : Console.error(
      `The token is sent to ${url} without encryption. Use https://, or an SSH tunnel to 127.0.0.1.`
    )
