import { settings } from "../../src/Process/Config.ts"
import { code, table } from "./Markdown.ts"

/** Every setting, with its meaning, its default and its allowed values. */
export const settingsTable = () => {
  const all = Object.values(settings)
  const secrets = all.filter(({ secret }) => secret).map(({ variable }) => code(variable))
  return [
    `These settings are secret: ${secrets.join(", ")}.`,
    "## Settings",
    table(
      ["variable", "meaning", "allowed", "default"],
      all.map(({ about, allowed, fallback, variable }) => [
        code(variable),
        about,
        allowed === "text" ? "" : allowed,
        fallback === undefined ? "" : code(fallback)
      ])
    )
  ].join("\n\n")
}
