import { Option } from "effect"
import { Flag } from "effect/cli"
import { type Flags, settings } from "../Config.ts"

/** A flag that stands for a setting; without it the environment speaks, then the default. */
export const settingFlag = (flag: string, setting: keyof typeof settings) =>
  Flag.String(flag).pipe(
    Flag.withDescription(
      `${settings[setting].about} (${settings[setting].variable}${
        settings[setting].fallback === undefined ? "" : `, default ${settings[setting].fallback}`
      })`
    ),
    Flag.optional
  )

/** The flags that were given, by the variables they stand for. */
export const given = (flags: Partial<Record<keyof typeof settings, Option.Option<string>>>): Flags =>
  Object.fromEntries(
    Object.entries(flags).flatMap(([name, value]) =>
      value !== undefined && Option.isSome(value)
        ? [[settings[name as keyof typeof settings].variable, value.value]]
        : []
    )
  )
