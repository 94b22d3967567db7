import type { ConsumerInfo, JetStreamManager } from "nats"
import { stream } from "../EventLog/Names.ts"
import { ownerOf } from "./DurableFaults.ts"

/** Where a durable consumer stands in the event log. */
export interface ConsumerLag {
  readonly name: string
  /** The subject that it consumes. */
  readonly filter: string
  /** Not delivered yet. */
  readonly pending: number
  /** Delivered and not acknowledged yet. */
  readonly inFlight: number
  /** Of those in flight, the ones that were delivered more than once. */
  readonly redelivered: number
  /** All events up to this sequence are acknowledged. */
  readonly finishedTo: number
  /** The identity of the database that it feeds; undefined when its description names none. */
  readonly owner: string | undefined
}

/** Where one durable consumer stands in the event log. */
export const standing = async (manager: JetStreamManager, durable: string): Promise<ConsumerLag> =>
  standingOf(await manager.consumers.info(stream, durable))

/** Where every durable consumer of the event log stands, in the order of their names. */
export const standings = async (manager: JetStreamManager): Promise<ReadonlyArray<ConsumerLag>> => {
  const found: Array<ConsumerLag> = []
  for await (const info of manager.consumers.list(stream)) {
    if (info.config.durable_name !== undefined) found.push(standingOf(info))
  }
  return found.toSorted((a, b) => a.name < b.name ? -1 : 1)
}

/** Where a durable consumer stands, from what the broker says. */
export const standingOf = (info: ConsumerInfo): ConsumerLag => ({
  name: info.name,
  filter: info.config.filter_subject ?? info.config.filter_subjects?.join(", ") ?? ">",
  pending: info.num_pending,
  inFlight: info.num_ack_pending,
  redelivered: info.num_redelivered,
  finishedTo: info.ack_floor.stream_seq,
  owner: ownerOf(info)
})
