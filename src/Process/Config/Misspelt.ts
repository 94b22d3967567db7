import { type ConfigProvider, Effect } from "effect"
import { nearestOf } from "../Nearest.ts"

/** The prefix of variables that only this program reads. */
const prefix = "THREEQPR_"

/**
 * Returns a sentence for each variable that is set and probably misspelt. Such a variable begins with `THREEQPR_` and
 * is unknown, or its name is close to a setting that is not set. Variables of other programs are ignored.
 */
export const misspelt = Effect.fnUntraced(function*(
  environment: ConfigProvider.ConfigProvider,
  known: ReadonlyArray<string>
) {
  const set = new Set(yield* namesIn(environment, []))
  const isKnown = new Set(known)
  return [...set].filter((name) => !isKnown.has(name)).flatMap((name) => {
    const nearest = nearestOf(name, known.filter((known) => !set.has(known)), tolerance)
    if (nearest === undefined && !name.startsWith(prefix)) return []
    const what = nearest === undefined
      ? `this setting does not exist. Settings with this prefix are ${
        known.filter((known) => known.startsWith(prefix)).join(", ")
      }`
      : `this setting does not exist. Did you mean ${nearest}?`
    return [`${name} is set, but ${what}${nearest === undefined ? "." : ""} Rename it, or unset it.`]
  })
})

/**
 * Number of letters that may differ. Short names match exactly, because they are too close to those of other
 * programs.
 */
const tolerance = (known: string) => known.startsWith(prefix) ? 3 : known.length < 8 ? 0 : 1

/** The names of all variables. The environment's provider splits them at underscores. */
const namesIn = (
  provider: ConfigProvider.ConfigProvider,
  path: ReadonlyArray<string>
): Effect.Effect<ReadonlyArray<string>> =>
  Effect.flatMap(Effect.orElseSucceed(provider.load(path), () => undefined), (node) => {
    const own = path.length > 0 && node?.value !== undefined ? [path.join("_")] : []
    if (node?._tag !== "Record" || path.length >= mostParts) return Effect.succeed(own)
    return Effect.map(
      Effect.forEach(node.keys, (key) => namesIn(provider, [...path, key])),
      (names) => [...own, ...names.flat()]
    )
  })

const mostParts = 8
