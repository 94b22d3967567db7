import type { Delivered } from "../../EventLog/Delivered.ts"
import { messageOf } from "../../Process/Failure.ts"
import { type ConsumedEvent, consumedOf, isOneOf } from "../UserConsumer/ConsumedEvent.ts"
import { partitionOf } from "./Key.ts"
import type { Placed } from "./PartitionBuffer.ts"

/** An event that waits for its turn. */
export interface Waiting<T extends string> extends Placed {
  readonly partition: number
  readonly delivered: Delivered
  /** The decoded event; the reason when it cannot be handled. */
  readonly event: ConsumedEvent<T> | string
}

export interface Keyed<T extends string> {
  readonly types?: ReadonlyArray<T> | undefined
  readonly key: (event: ConsumedEvent<T>) => string
}

/** Assigns an event to a partition; undefined when it is of another type. Uses the event's id when it has no key. */
export const waitingOf = <T extends string>(
  { key, types }: Keyed<T>,
  partitions: number,
  delivered: Delivered
): Waiting<T> | undefined => {
  const place = (key: string, event: ConsumedEvent<T> | string): Waiting<T> => ({
    sequence: delivered.sequence,
    size: delivered.body.length,
    partition: partitionOf(key, partitions),
    delivered,
    event
  })
  const read = consumedOf(delivered)
  if (typeof read === "string") {
    return types === undefined || types.some((type) => type === delivered.type)
      ? place(delivered.id, read)
      : undefined
  }
  if (!isOneOf(types, read)) return undefined
  try {
    return place(String(key(read)), read)
  } catch (error) {
    return place(delivered.id, `its key cannot be determined: ${messageOf(error)}`)
  }
}
