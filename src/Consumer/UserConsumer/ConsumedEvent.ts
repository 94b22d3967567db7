import { decodeDelivery } from "../../Domain/Decode.ts"
import type { dataOf, KnownType } from "../../Domain/Event.ts"
import type { Delivered } from "../../EventLog/Delivered.ts"

/** The data of a type; `unknown` for an unknown type. */
export type DataOf<T extends string> = T extends KnownType ? (typeof dataOf)[T]["Type"] : unknown

/**
 * An event as a handler receives it. `id` and `sequence` are the same for each delivery. `data` fits the schema of
 * its type and has all fields that 3QPR sent.
 */
export type ConsumedEvent<T extends string = string> = T extends string
  ? Omit<Delivered, "type"> & { readonly type: T; readonly data: DataOf<T> }
  : never

/** Whether an event has this type. Narrows its data to that of the type. */
export const is = <T extends string>(
  event: ConsumedEvent,
  type: T
): event is ConsumedEvent & ConsumedEvent<T> => event.type === type

/** Whether an event has one of these types; every event when undefined. */
export const isOneOf = <T extends string>(
  types: ReadonlyArray<T> | undefined,
  event: ConsumedEvent
): event is ConsumedEvent<T> => types === undefined || types.some((type) => type === event.type)

/** Decodes the body of an event; returns the reason when it does not fit the event's type. */
export const consumedOf = (event: Delivered): ConsumedEvent | string => {
  const reading = decodeDelivery(event.body)
  return reading._tag === "Event" ? { ...event, data: reading.data } : `${reading.reason}: ${reading.detail}`
}
