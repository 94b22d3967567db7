import { AckPolicy, type ConsumerInfo, DeliverPolicy, nanos, ReplayPolicy } from "nats"

/** Each setting of a durable consumer that can skip, hide or hold back events which it should deliver. */
export const faultsOf = (info: ConsumerInfo, filter: string): ReadonlyArray<string> => [
  ...skippingFaultsOf(info, filter),
  ...startFaultsOf(info)
]

/** Maximum time after which an event in flight must be delivered again, in milliseconds. */
const longestWait = 60_000

/** Settings that a user may choose for a consumer, but with which a projection would miss or delay events. */
const startFaultsOf = ({ config, paused }: ConsumerInfo): ReadonlyArray<string> =>
  [
    !begins.has(config.deliver_policy) && `its deliver policy is ${config.deliver_policy}`,
    (paused || isAhead(config.pause_until)) && `it is paused until ${config.pause_until ?? "a later time"}`,
    [config.ack_wait ?? 0, ...config.backoff ?? []].some((wait) => wait > nanos(longestWait))
    && `its ack_wait or backoff is above ${
      longestWait / 1_000
    } s: events of a process that was killed wait so long`
  ].filter((fault) => typeof fault === "string")

/** Each setting with which any durable consumer would skip, hide or refuse events. */
export const skippingFaultsOf = ({ config }: ConsumerInfo, filter: string): ReadonlyArray<string> => {
  const filters = config.filter_subjects ?? [config.filter_subject ?? ">"]
  return [
    (filters.length !== 1 || filters[0] !== filter) && `its filter is ${filters.join(", ")}, not ${filter}`,
    config.ack_policy !== AckPolicy.Explicit && `its ack policy is ${config.ack_policy}; it must be explicit`,
    (config.max_deliver ?? -1) > 0
    && `max_deliver is ${config.max_deliver}: events that fail this often are skipped`,
    config.deliver_subject && `it is a push consumer (${config.deliver_subject})`,
    config.headers_only && "headers_only hides the bodies",
    (config.inactive_threshold ?? 0) > 0 &&
    "inactive_threshold deletes it when no process pulls from it for that time",
    config.replay_policy === ReplayPolicy.Original && "its replay policy is original, which delays events",
    ...["max_batch", "max_bytes", "max_expires"].map((limit) =>
      Number(Reflect.get(config, limit) ?? 0) > 0 && `${limit} refuses requests of this program`
    ),
    !["none", ""].includes(String(Reflect.get(config, "priority_policy") ?? ""))
    && "its priority policy refuses requests of this program"
  ].filter((fault) => typeof fault === "string" && fault !== "").map(String)
}

/** The deliver policies that skip no event after the chosen sequence or time. */
const begins: ReadonlySet<DeliverPolicy> = new Set([
  DeliverPolicy.All,
  DeliverPolicy.StartSequence,
  DeliverPolicy.StartTime
])

const isAhead = (time: string | undefined) => time !== undefined && Date.parse(time) > Date.now()

/** The description of a durable consumer that names the database it feeds. */
export const describeOwner = (database: string) => `feeds database ${database} of threeqpr-events`

/** The database that a durable consumer feeds; undefined when its description names none. */
export const ownerOf = ({ config }: Pick<ConsumerInfo, "config">) =>
  /^feeds database (\S+) of threeqpr-events$/.exec(config.description ?? "")?.[1]
