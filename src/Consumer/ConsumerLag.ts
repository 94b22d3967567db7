import type { ConsumerInfo, JetStreamManager } from "nats"
import { stream } from "../EventLog/Names.ts"
import { ownerOf } from "./DurableFaults.ts"

/** The progress of a durable consumer in the event log. */
export interface ConsumerLag {
  readonly name: string
  /** The subject that it consumes. */
  readonly filter: string
  /** Events that are not delivered yet. */
  readonly pending: number
  /** Events that are delivered and not acknowledged yet. */
  readonly inFlight: number
  /** Events in flight that were delivered more than once. */
  readonly redelivered: number
  /** All events up to this sequence are acknowledged. */
  readonly finishedTo: number
  /** The identity of the database that it feeds; undefined when its description names none. */
  readonly owner: string | undefined
  /** When the broker created it. */
  readonly created: string
}

/** Reads the progress of one durable consumer in the event log. */
export const standing = async (manager: JetStreamManager, durable: string): Promise<ConsumerLag> =>
  standingOf(await manager.consumers.info(stream, durable))

/** Reads the progress of every durable consumer of the event log, sorted by name. */
export const standings = (manager: JetStreamManager): Promise<ReadonlyArray<ConsumerLag>> =>
  durablesOf(manager.consumers.list(stream))

/** The progress of the durable consumers in a list. nats-server 2.9 lists a consumer that is ending as null. */
export const durablesOf = async (
  infos: AsyncIterable<ConsumerInfo | null>
): Promise<ReadonlyArray<ConsumerLag>> => {
  const found: Array<ConsumerLag> = []
  for await (const info of infos) {
    if (info?.config.durable_name !== undefined) found.push(standingOf(info))
  }
  return found.toSorted((a, b) => a.name < b.name ? -1 : 1)
}

/** The progress of a durable consumer, from the broker's description of it. */
export const standingOf = (info: ConsumerInfo): ConsumerLag => ({
  name: info.name,
  filter: info.config.filter_subject ?? info.config.filter_subjects?.join(", ") ?? ">",
  pending: info.num_pending,
  inFlight: info.num_ack_pending,
  redelivered: info.num_redelivered,
  finishedTo: info.ack_floor.stream_seq,
  owner: ownerOf(info),
  created: info.created
})
