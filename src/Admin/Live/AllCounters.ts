import { Effect, Schema } from "effect"
import { ProcessCounters } from "../../Domain/ProcessCounters.ts"
import { type Role, roles } from "../../Domain/Role.ts"
import { countersSubject } from "../../EventLog/Names.ts"
import { answerAll, askAll } from "../../Nats/AskAll.ts"
import { instance, startedAt } from "../../Process/Instance.ts"
import { ingest, projectedCounts } from "../../Process/Metrics.ts"

/** Answers requests of other processes for the counters of this one, until the scope closes. */
export const answer = (active: ReadonlySet<Role>) =>
  answerAll(countersSubject, (): ProcessCounters => ({
    instance: instance(),
    started_at: startedAt,
    roles: roles.filter((role) => active.has(role)),
    deliveries: active.has("ingress") ? ingest.counts() : {},
    projected: active.has("projector") ? projectedCounts() : {}
  }))

const decode = Schema.decodeUnknownOption(Schema.fromJsonString(ProcessCounters))

/** The counters of all processes. Processes that do not respond in time, or with an unknown schema, are left out. */
export const all = Effect.map(
  askAll(countersSubject, ""),
  (answers) =>
    answers.flatMap((answer) => {
      const found = decode(answer)
      return found._tag === "Some" ? [found.value] : []
    }).toSorted((a, b) => a.instance < b.instance ? -1 : 1)
)
