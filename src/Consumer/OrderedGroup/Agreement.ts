import { Effect } from "effect"
import type { ReadFailed } from "../../EventLog/EventLog.ts"
import { groupBucket } from "../../EventLog/Names.ts"
import { ConsumerInvalid } from "../UserConsumer/Invalid.ts"
import type { From } from "../UserConsumer/Start.ts"
import type { GroupConfig, GroupStore } from "./GroupStore.ts"
import { keysOf } from "./KeySamples.ts"
import type { Keyed } from "./Waiting.ts"

interface Wanted<T extends string> extends Keyed<T> {
  readonly name: string
  readonly from?: From | undefined
  readonly partitions?: number | undefined
}

/** A time after that of every stored entry. */
export const farAway = Date.UTC(2200, 0)

/**
 * The configuration on which all members of a group agree. The first member stores it. A member with other
 * partitions, types or keys is refused, because it would skip or reorder events. A group of an earlier version has
 * stored no types and keys; its first member of this version adds them.
 */
export const agree = Effect.fnUntraced(function*<T extends string>(
  store: GroupStore,
  wanted: Wanted<T>,
  sequenceAt: (time: number) => Effect.Effect<number, ReadFailed>
): Effect.fn.Return<GroupConfig, ConsumerInvalid | ReadFailed> {
  const { from = "all", name } = wanted
  const { isObject, keys } = keysOf(wanted)
  if (isObject) return yield* new ConsumerInvalid({ message: noText })
  const mine = { types: wanted.types === undefined ? null : [...wanted.types].toSorted(), keys }
  const found = yield* store.configured
  if (found === undefined) {
    const left = yield* store.read
    if (left.partitions.size > 0) return yield* new ConsumerInvalid({ message: withoutConfig(name) })
    const begin = from === "all"
      ? 1
      : from === "new"
      ? yield* sequenceAt(farAway)
      : "time" in from
      ? yield* sequenceAt(from.time.getTime())
      : from.sequence
    const config = { partitions: wanted.partitions ?? 16, after: begin - 1, ...mine }
    return (yield* store.configure(config, 0)) ?? (yield* later(agree(store, wanted, sequenceAt)))
  }
  const { config, revision } = found
  const message = disagreement(config, { ...mine, name, partitions: wanted.partitions })
  if (message !== undefined) return yield* new ConsumerInvalid({ message })
  if (config.types !== undefined && config.keys !== undefined) return config
  const adopted = { ...config, types: config.types ?? mine.types, keys: config.keys ?? mine.keys }
  return (yield* store.configure(adopted, revision)) ?? (yield* later(agree(store, wanted, sequenceAt)))
})

/** Another member has stored its configuration first, so the next attempt reads it. */
const later = Effect.delay("100 millis")

interface Compared extends Pick<GroupConfig, "types" | "keys"> {
  readonly name: string
  readonly partitions: number | undefined
}

/** Message about a setting in which a member differs from its group, with a remedy; undefined when they agree. */
export const disagreement = (
  config: GroupConfig,
  { keys = {}, name, partitions, types }: Compared
): string | undefined => {
  if (partitions !== undefined && partitions !== config.partitions) {
    return `The group ${name} has ${config.partitions} partitions permanently, but this member asks for ${partitions}. `
      + `Omit the number, or ${otherName}`
  }
  if (config.types !== undefined && JSON.stringify(config.types) !== JSON.stringify(types)) {
    return `The group ${name} consumes ${typesOf(config.types)}, but this member asks for ${
      typesOf(types)
    }. The other `
      + `members would skip events. Use the same types, or ${otherName}`
  }
  const other = Object.entries(config.keys ?? {}).find(([type, key]) => (keys[type] ?? key) !== key)
  return other &&
    `The key function of the group ${name} returns another key for ${other[0]} than that of this `
      + `member. Events of one key would be handled side by side or skipped. Use the same function, or ${otherName}`
}

const otherName =
  "use another consumer name. To continue at the position of this group, stop it and begin after its "
  + "`lag().finishedTo`."

const noText = "The consumer's key function returns an object or a promise; it must return text."

const typesOf = (types: GroupConfig["types"]) =>
  types === undefined || types === null ? "all types" : `the types ${types.join(", ")}`

const withoutConfig = (name: string) =>
  `The group ${name} has partitions but no configuration: it was purged, so their number is unknown. Restore the `
  + `bucket ${groupBucket}. ${newName}.`

/** Why the bucket is not the one that a member joined; undefined when it is. */
export const otherBucket = (joined: string, now: string): string | undefined =>
  joined === now ?
    undefined :
    `the bucket ${groupBucket} (created ${now}) is not the one that this member joined (created `
    + `${joined}), so old fencing tokens are larger than new ones. Restore the old bucket. ${newName}`

/** Why the configuration is not the one that a member joined; undefined when it is. */
export const otherConfig = (joined: GroupConfig, now: GroupConfig | undefined): string | undefined => {
  if (now === undefined) {
    return `the group's configuration was purged from the bucket ${groupBucket}. Restore the bucket. ${newName}`
  }
  if (joined.partitions === now.partitions && joined.after === now.after) return undefined
  return `the group now has ${now.partitions} partitions in the bucket ${groupBucket}, but this member joined it with `
    + `${joined.partitions}. ${newName}`
}

const newName = "Or use another consumer name, and set `from` to its start"
