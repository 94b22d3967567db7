import { Effect } from "effect"
import type { ConsumerInfo } from "nats"
import { faultsOf, ownerOf } from "../../Consumer/DurableFaults.ts"
import { stream } from "../../EventLog/Names.ts"
import { messageOf } from "../../Process/Failure.ts"
import { failed, ok, warning } from "./Finding.ts"
import type { Log } from "./Subject.ts"

/** Reports the durable consumers, their lag, and whether a process pulls for those that are behind. */
export const durableConsumers = Effect.fnUntraced(
  function*({ manager }: Log) {
    const list = Effect.tryPromise(async () => {
      const found: Array<ConsumerInfo> = []
      for await (const consumer of manager.consumers.list(stream)) found.push(consumer)
      return found.filter(({ config }) => config.durable_name !== undefined)
    })
    const before = yield* list
    if (before.length === 0) {
      return warning(
        "there are no durable consumers: no process projects the events",
        "If you need the read models, start `threeqpr serve` with the role projector."
      )
    }
    const owners = new Set(before.map(ownerOf))
    const seen = before.map((consumer) => describe(consumer, owners.size > 1)).join(", ")
    const faults = before.flatMap((consumer) => {
      const found = ownerOf(consumer) === undefined
        ? []
        : faultsOf(consumer, consumer.config.filter_subject ?? "")
      return found.length === 0 ? [] : [`${consumer.name}: ${found.join(", ")}`]
    })
    if (faults.length > 0) {
      return failed(
        `durable consumers would not deliver every event: ${faults.join("; ")}`,
        "Start `threeqpr serve` with the role projector, which creates them again."
      )
    }
    if (!before.some(isIdle)) return ok(seen)
    // A healthy consumer also looks idle between two pull requests, so look again.
    yield* Effect.sleep("1 second")
    const stuck = (yield* list).filter((consumer) =>
      isIdle(consumer) && before.some((other) => isSame(consumer, other))
    )
    return stuck.length === 0 ? ok(seen) : warning(
      `${seen}; no process pulls the events of ${stuck.map(({ name }) => name).join(", ")}`,
      "Start the process that consumes them (`threeqpr serve` with the role projector), or delete the consumer "
        + `(\`nats consumer rm ${stream}\`) if it is no longer used.`
    )
  },
  Effect.catch((error) => Effect.succeed(failed(`The consumers cannot be read: ${messageOf(error)}`)))
)

const lagOf = ({ num_ack_pending, num_pending }: ConsumerInfo) => num_pending + num_ack_pending

const describe = (consumer: ConsumerInfo, withOwner: boolean) => {
  const owner = withOwner ? ownerOf(consumer) : undefined
  return `${consumer.name}${owner === undefined ? "" : ` (database ${owner})`} has a lag of ${
    lagOf(consumer)
  }`
}

const isIdle = (consumer: ConsumerInfo) =>
  lagOf(consumer) > 0 && consumer.num_waiting === 0 && !consumer.push_bound

const isSame = (one: ConsumerInfo, other: ConsumerInfo) =>
  one.name === other.name && one.ack_floor.stream_seq === other.ack_floor.stream_seq
  && one.delivered.stream_seq === other.delivered.stream_seq
