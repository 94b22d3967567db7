/** `threeqpr-events/ordered`: handles the events of one key strictly in the order of the log, on several machines. */
export type { Lag, Settings } from "./Consumer/OrderedGroup.ts"
export { type SubscribedOrdered, subscribeOrdered } from "./Consumer/SubscribeOrdered.ts"
export {
  ack,
  type ConsumedEvent,
  ConsumerInvalid,
  deadLetter,
  fence,
  Fenced,
  fenceTable,
  type From,
  is,
  type Outcome,
  type Retry,
  retryAfter,
  type Turn
} from "./Consumer/UserConsumer.ts"
