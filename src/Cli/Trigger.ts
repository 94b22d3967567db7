import { Console, Effect, Option, type Redacted } from "effect"
import { Command } from "effect/cli"
import { decodeDelivery } from "../Domain/Decode.ts"
import { knownTypes } from "../Domain/Event.ts"
import { localWebhook } from "../Domain/WebhookPath.ts"
import { load } from "../Process/Config.ts"
import * as Signature from "../Signature/Signature.ts"
import * as WebhookSecret from "../Signature/WebhookSecret.ts"
import { CommandFailed } from "./CommandFailed.ts"
import { given } from "./Flags.ts"
import { fit, printJson } from "./Output.ts"
import { secretOf } from "./SecretFlag.ts"
import { bodies } from "./Trigger/Body.ts"
import { deliver, type Delivery } from "./Trigger/Delivery.ts"
import { outcomeOf } from "./Trigger/Outcome.ts"
import { contradictionOf, flags } from "./Trigger/TriggerFlags.ts"
import { verdictOf } from "./Trigger/Verdict.ts"

/** `threeqpr trigger`: creates events, signs them as 3QPR does, delivers them and prints the responses. */
export const trigger = Command.make(
  "trigger",
  flags,
  Effect.fnUntraced(function*(options) {
    const contradiction = contradictionOf(options)
    if (contradiction !== undefined) return yield* contradiction
    const { count, duplicate, json, tamper, unsigned } = options
    const config = yield* load(given({ dataDir: options.dataDir }))
    const url = Option.getOrElse(options.url, () => localWebhook(config.port))
    const own = yield* secretOf("trigger", options)
    const secret = unsigned
      ? undefined
      : Option.isSome(own)
      ? own.value
      : yield* WebhookSecret.signing(yield* WebhookSecret.find(config))
    const unlike = Option.match(options.type, { onNone: () => undefined, onSome: unlikeAny })
    if (unlike !== undefined) yield* Console.error(unlike)
    const nextBody = yield* bodies(options)
    if (!json) yield* Console.log(lineOf("event", "status", "ms", "outcome"))
    const deliveries = yield* Effect.forEach(
      Array.from({ length: count }),
      Effect.fnUntraced(function*() {
        const body = yield* nextBody
        const { id, type } = decodeDelivery(body)
        const sent = tamper ? tampered(body) : body
        const attempts: Array<Delivery> = []
        for (let attempt = 0; attempt < (duplicate ? 2 : 1); attempt++) {
          const delivery = yield* deliver(url, sent, signatureOf(body, secret))
          attempts.push(delivery)
          yield* json
            ? printJson({ id, event: type, ...delivery })
            : Console.log(
              lineOf(
                id ?? "-",
                String(delivery.status),
                delivery.millis.toFixed(0),
                outcomeOf(delivery.answer)
              )
            )
        }
        return attempts
      }),
      { concurrency: 16 }
    )
    const forgery = tamper ? "tamper" : unsigned ? "unsigned" : undefined
    const verdict = verdictOf(deliveries.flat(), forgery)
    if ("wrong" in verdict) return yield* new CommandFailed({ message: verdict.wrong })
    if (verdict.right !== undefined) yield* Console.error(verdict.right)
  })
).pipe(
  Command.withDescription("Make events, sign them as 3QPR does and deliver them"),
  Command.withExamples([
    { command: "threeqpr trigger scan.created --count 20", description: "Twenty scans" },
    {
      command: "threeqpr trigger conversation.completed --duplicate",
      description: "One conversation, delivered twice"
    },
    {
      command: "threeqpr trigger scan.created --override data.country=CH --override id=evt_mine",
      description: "A scan in Switzerland, with your own id"
    },
    { command: "threeqpr trigger --raw body.json", description: "Exactly these bytes, signed" },
    {
      command: "threeqpr trigger scan.created --tamper",
      description: "Check that a changed body is refused"
    }
  ])
)

/** The warning for an unknown event type, which may be intended or mistyped. */
const unlikeAny = (type: string) => {
  if (knownTypes.some((known) => known === type)) return undefined
  const [subject = type] = type.split(".", 1)
  const meant = knownTypes.find((known) => known.split(".", 1)[0] === subject)
  return `"${type}" is not a known event type of 3QPR (${knownTypes.join(", ")}). It is sent unchanged.`
    + (meant === undefined ? "" : ` Did you mean ${meant}?`)
}

const signatureOf = (body: Uint8Array, secret: Redacted.Redacted<string> | undefined) =>
  secret === undefined ? undefined : Signature.sign(body, secret)

/** Changes one bit in the middle of a body; an empty body gets one byte. */
const tampered = (body: Uint8Array) => {
  const changed = body.length === 0 ? new Uint8Array(1) : body.slice()
  const middle = Math.floor(changed.length / 2)
  changed[middle] = (changed[middle] ?? 0) ^ 1
  return changed
}

const lineOf = (id: string, status: string, millis: string, outcome: string) =>
  fit(`${id.padEnd(30)}  ${status.padEnd(6)}  ${millis.padStart(5)}  ${outcome}`)
