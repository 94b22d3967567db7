/**
 * Room `Admin/Api`: the contract of the private listener.
 *
 * Promises: A client needs nothing else. Every model and parameter is named, described and bounded.
 *
 * May use: `Domain`.
 */
import { HttpApi } from "effect/http-api"
import { AnalyticsApi } from "./Api/Analytics.ts"
import { Authorization } from "./Api/Authorization.ts"
import { ChangesApi } from "./Api/Changes.ts"
import { DeadLettersApi } from "./Api/DeadLetters.ts"
import { documentOf } from "./Api/Document.ts"
import { EventLifeApi } from "./Api/EventLife.ts"
import { EventsApi } from "./Api/Events.ts"
import { ForgetApi } from "./Api/Forget.ts"
import { LiveApi } from "./Api/Live.ts"
import { ModelsApi } from "./Api/Models.ts"
import { OperationsApi } from "./Api/Operations.ts"
import { ProjectionsApi } from "./Api/Projections.ts"
import { QuarantineApi } from "./Api/Quarantine.ts"
import { ConversationsApi, QprCodesApi, ScansApi, SubscriptionsApi } from "./Api/ReadModels.ts"
import { ReconciliationsApi } from "./Api/Reconciliations.ts"
import { RejectionsApi } from "./Api/Rejections.ts"
import { SqlApi } from "./Api/Sql.ts"
import { ConsumersApi, StatusApi } from "./Api/Status.ts"
import { Validation } from "./Api/Validation.ts"
import { WebhookSecretsApi } from "./Api/WebhookSecrets.ts"

/** Unknown parameters and fields are refused, so that a misspelt filter is never silently ignored. */
const strict = { onExcessProperty: "error", errors: "all" } as const

const contract = HttpApi.make("threeqpr-events")
  .add(
    ScansApi,
    ConversationsApi,
    QprCodesApi,
    SubscriptionsApi,
    ModelsApi,
    AnalyticsApi,
    EventsApi,
    EventLifeApi,
    LiveApi,
    SqlApi,
    ChangesApi,
    ConsumersApi,
    StatusApi
  )
  .add(
    DeadLettersApi,
    QuarantineApi,
    ForgetApi,
    OperationsApi,
    ProjectionsApi,
    ReconciliationsApi,
    RejectionsApi,
    WebhookSecretsApi
  )
  .middleware(Validation)
  .middleware(Authorization)
  .annotate(HttpApi.QueryParseOptions, strict)
  .annotate(HttpApi.PayloadParseOptions, strict)

/** The contract of the private listener, without its implementation. */
export class Api extends contract.annotateMerge(documentOf(contract)) {}
