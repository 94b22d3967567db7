/** `threeqpr-events/client`: the typed client of the private listener, for programs that use Effect. */
import type { DeadLetterDetail, DeadLetterSummary } from "./Admin/Api/DeadLetters.ts"
import type { EventDetail, EventSummary } from "./Admin/Api/Events.ts"
import type {
  ConversationAnswer,
  QprCodeAnswer,
  ScanAnswer,
  SubscriptionAnswer
} from "./Admin/Api/ReadModels.ts"

export { AdminClient, AdminUnreachable, type ClientOptions } from "./Admin/Client.ts"

export type Scan = typeof ScanAnswer.Type
export type Conversation = typeof ConversationAnswer.Type
export type QprCode = typeof QprCodeAnswer.Type
export type Subscription = typeof SubscriptionAnswer.Type
/** An event with its signed body, and an event of a list. */
export type { DeadLetterDetail as DeadLetter, DeadLetterSummary, EventDetail as Event, EventSummary }
