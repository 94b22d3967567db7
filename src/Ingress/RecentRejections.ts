import { Effect, Option, Schema } from "effect"
import { Buffer } from "node:buffer"
import { RejectionDetail, RejectionSummary } from "../Domain/Rejection.ts"
import { SecretFingerprints } from "../Domain/SecretFingerprints.ts"
import { rejectionsSubject } from "../EventLog/Names.ts"
import { answerAll, askAll } from "../Nats/AskAll.ts"
import { Nats } from "../Nats/Nats.ts"
import { instance } from "../Process/Instance.ts"
import { diagnose, type KnownSecret } from "../Signature/SignatureDoctor.ts"
import { fingerprint } from "../Signature/WebhookSecret/Fingerprint.ts"
import type { Rejection, Rejections } from "./Rejections.ts"

const Question = Schema.Union([
  Schema.Struct({ list: Schema.Finite }),
  Schema.Struct({ get: Schema.String }),
  Schema.Struct({ fingerprints: Schema.String }),
  Schema.Struct({ clear: Schema.Literal(true) })
])

const List = Schema.Struct({ refused: Schema.Finite, rejections: Schema.Array(RejectionSummary) })

const decodeQuestion = Schema.decodeUnknownOption(Schema.fromJsonString(Question))

/** Replies to other processes' requests for this process's rejections and secret fingerprints, until the scope ends. */
export const answer = (rejections: Rejections, secrets: () => ReadonlyArray<KnownSecret>) =>
  answerAll(rejectionsSubject, (question) => {
    const asked = Option.getOrUndefined(decodeQuestion(question))
    if (asked === undefined) return undefined
    if ("list" in asked) {
      return { refused: rejections.refused, rejections: rejections.all().slice(0, asked.list).map(summaryOf) }
    }
    if ("fingerprints" in asked) return fingerprintsOf(secrets(), asked.fingerprints)
    if ("clear" in asked) return rejections.clear()
    const found = rejections.find(asked.get)
    return found && detailOf(found, secrets())
  })

const fingerprintsOf = (secrets: ReadonlyArray<KnownSecret>, nonce: string): SecretFingerprints => ({
  instance: instance(),
  fingerprints: secrets.filter(({ old }) => old !== true).map(({ secret }) => fingerprint(secret, nonce))
})

const summaryOf = ({ at, id, path, reason, size, source }: Rejection): RejectionSummary => ({
  id,
  instance: instance(),
  reason,
  at: new Date(at).toISOString(),
  path,
  source,
  size
})

const detailOf = (rejection: Rejection, secrets: ReadonlyArray<KnownSecret>): RejectionDetail => {
  const { head, headers, size } = rejection
  const complete = head.length === size
  const signature = headers["x-3qpr-signature"]
  const diagnosis = complete ? diagnose({ body: head, signature, secrets }) : undefined
  return {
    ...summaryOf(rejection),
    headers,
    head_base64: Buffer.from(head).toString("base64"),
    complete,
    doctor: diagnosis === undefined
      ? null
      : { summary: diagnosis.summary, causes: diagnosis.causes, remaining: diagnosis.remaining }
  }
}

const ask = (question: typeof Question.Type) => askAll(rejectionsSubject, JSON.stringify(question))

/** The last rejections of all processes, newest first. Processes that do not reply in time are left out. */
export const list = Effect.fn("Rejections.list")(function*(limit: number) {
  const answers = yield* ask({ list: limit })
  const decode = Schema.decodeUnknownEffect(Schema.fromJsonString(List))
  const lists = yield* Effect.forEach(answers, (answer) => decode(answer))
  return {
    refused: lists.reduce((sum, { refused }) => sum + refused, 0),
    instances: lists.length,
    rejections: lists.flatMap(({ rejections }) => rejections)
      .toSorted((a, b) => b.at.localeCompare(a.at)).slice(0, limit)
  }
})

/** Fingerprints of the secrets that each receiver accepts now. A receiver of an older version does not reply. */
export const fingerprints = Effect.fn("Rejections.fingerprints")(function*(nonce: string) {
  const answers = yield* ask({ fingerprints: nonce })
  return yield* Effect.forEach(answers, (answer) => decodeFingerprints(answer))
})

const decodeFingerprints = Schema.decodeUnknownEffect(Schema.fromJsonString(SecretFingerprints))

/** Clears the rejections of all processes. It waits for no reply, because rejections also expire by themselves. */
export const clear = Effect.fnUntraced(function*() {
  const { connection } = yield* Nats
  connection.publish(rejectionsSubject, JSON.stringify({ clear: true }))
})()

/** One rejection, from the process that has it. Undefined if no process has it any longer. */
export const get = Effect.fn("Rejections.get")(function*(id: string) {
  const [answer] = yield* ask({ get: id })
  if (answer === undefined) return undefined
  return yield* Schema.decodeUnknownEffect(Schema.fromJsonString(RejectionDetail))(answer)
})
