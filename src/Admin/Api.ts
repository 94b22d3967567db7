/**
 * Room `Admin/Api`: the contract of the private listener.
 *
 * Promises: A client needs nothing else. Every model and parameter is named, described and bounded.
 *
 * May use: `Domain`.
 */
import { HttpApi } from "effect/http-api"
import { Analytics } from "./Api/Analytics.ts"
import { Authorization } from "./Api/Authorization.ts"
import { DeadLetters } from "./Api/DeadLetters.ts"
import { documentOf } from "./Api/Document.ts"
import { EventLives } from "./Api/EventLife.ts"
import { Events } from "./Api/Events.ts"
import { Forget } from "./Api/Forget.ts"
import { Live } from "./Api/Live.ts"
import { Operations } from "./Api/Operations.ts"
import { Projections } from "./Api/Projections.ts"
import { Quarantine } from "./Api/Quarantine.ts"
import { Conversations, QprCodes, Scans, Subscriptions } from "./Api/ReadModels.ts"
import { Reconciliations } from "./Api/Reconciliations.ts"
import { Rejections } from "./Api/Rejections.ts"
import { Consumers, Status } from "./Api/Status.ts"
import { Validation } from "./Api/Validation.ts"
import { WebhookSecrets } from "./Api/WebhookSecrets.ts"

/** Misspelt parameters and fields are refused, so that no filter is dropped without a word. */
const strict = { onExcessProperty: "error", errors: "all" } as const

const contract = HttpApi.make("threeqpr-events")
  .add(Scans, Conversations, QprCodes, Subscriptions, Analytics, Events, EventLives, Live, Consumers, Status)
  .add(DeadLetters, Quarantine, Forget, Operations, Projections, Reconciliations, Rejections, WebhookSecrets)
  .middleware(Validation)
  .middleware(Authorization)
  .annotate(HttpApi.QueryParseOptions, strict)
  .annotate(HttpApi.PayloadParseOptions, strict)

/** What the private listener answers, apart from how. */
export class Api extends contract.annotateMerge(documentOf(contract)) {}
