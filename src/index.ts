/** The package's public names. */
export * as Signature from "./Signature.ts"

export { Conversation } from "./Domain/Conversation.ts"
export { type Event, EventType, type KnownType, knownTypes } from "./Domain/Event.ts"
export { EventId } from "./Domain/EventId.ts"
export { QprCode } from "./Domain/QprCode.ts"
export { read, type Reading } from "./Domain/Reading.ts"
export { Scan } from "./Domain/Scan.ts"
export { Subscription } from "./Domain/Subscription.ts"
export { AppendFailed, type Entry, EventLog, type LoggedEntry, type Stored } from "./EventLog.ts"
export * as JetStream from "./EventLog/JetStream.ts"
export { Nats, type Target } from "./Nats.ts"
