/** `threeqpr-events/consumer`: a durable consumer of the event log, with plain functions and promises. */
export { type AsyncHandling, subscribe, type Subscribed } from "./Consumer/Subscribe.ts"
export {
  ack,
  type ConsumedEvent,
  ConsumerInvalid,
  deadLetter,
  type From,
  is,
  type Lag,
  once,
  onceTable,
  type Outcome,
  type Retry,
  retryAfter,
  type Settings
} from "./Consumer/UserConsumer.ts"
