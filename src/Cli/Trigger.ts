import { Clock, Console, Effect, Option, type Redacted, Schema } from "effect"
import { Argument, Command, Flag } from "effect/cli"
import { HttpClient, HttpClientRequest } from "effect/http"
import { Buffer } from "node:buffer"
import { load } from "../Config.ts"
import { knownTypes } from "../Domain/Event.ts"
import * as Signature from "../Signature.ts"
import { sampleOf } from "../Simulator/Samples.ts"
import * as WebhookSecret from "../WebhookSecret.ts"
import { given, settingFlag } from "./Flags.ts"

/** Some deliveries were not answered with 200. */
export class NotAccepted
  extends Schema.TaggedError<NotAccepted>()("NotAccepted", { message: Schema.String })
{}

/** `threeqpr trigger`: makes events, signs them as 3QPR does, delivers them and shows the answers. */
export const trigger = Command.make(
  "trigger",
  {
    type: Argument.String("type").pipe(
      Argument.withDescription(`The event type: ${knownTypes.join(", ")}, or any other`)
    ),
    count: Flag.Int("count").pipe(
      Flag.withDescription("How many events"),
      Flag.withSchema(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 1_000_000 }))),
      Flag.withDefault(1)
    ),
    duplicate: Flag.Boolean("duplicate").pipe(
      Flag.withDescription("Deliver each event twice"),
      Flag.withDefault(false)
    ),
    url: Flag.String("url").pipe(
      Flag.withDescription("Where to deliver (default http://localhost:<PORT>/webhooks/3qpr)"),
      Flag.optional
    ),
    json: Flag.Boolean("json").pipe(
      Flag.withDescription("One JSON object a delivery, for programs"),
      Flag.withDefault(false)
    ),
    dataDir: settingFlag("data-dir", "dataDir")
  },
  Effect.fnUntraced(function*({ count, dataDir, duplicate, json, type, url }) {
    const config = yield* load(given({ dataDir }))
    const target = Option.getOrElse(url, () => `http://localhost:${config.port}/webhooks/3qpr`)
    const { secrets: [secret] } = yield* WebhookSecret.find(config)
    if (!json) yield* Console.log(lineOf("event", "status", "ms", "answer"))
    const deliveries = yield* Effect.forEach(
      Array.from({ length: count }),
      Effect.fnUntraced(function*() {
        const sample = yield* sampleOf(type)
        const body = Buffer.from(JSON.stringify(sample))
        const attempts = []
        for (let attempt = 0; attempt < (duplicate ? 2 : 1); attempt++) {
          const delivery = yield* deliver(target, body, secret)
          attempts.push(delivery)
          yield* Console.log(
            json
              ? JSON.stringify({ id: sample.id, event: type, ...delivery })
              : lineOf(sample.id, String(delivery.status), delivery.millis.toFixed(0), delivery.answer)
          )
        }
        return attempts
      }),
      { concurrency: 16 }
    )
    const refused = deliveries.flat().filter(({ status }) => status !== 200).length
    if (refused > 0) {
      return yield* new NotAccepted({
        message: `${refused} of ${deliveries.flat().length} deliveries were not accepted.`
      })
    }
  })
).pipe(
  Command.withDescription("Make events, sign them as 3QPR does and deliver them"),
  Command.withExamples([
    { command: "threeqpr trigger scan.created --count 20", description: "Twenty scans" },
    {
      command: "threeqpr trigger conversation.completed --duplicate",
      description: "One conversation, delivered twice"
    }
  ])
)

/** One delivery attempt: what came back and how long it took. */
const deliver = Effect.fnUntraced(function*(url: string, body: Buffer, secret: Redacted.Redacted<string>) {
  const started = yield* Clock.currentTimeMillis
  const { answer, status } = yield* HttpClientRequest.post(url).pipe(
    HttpClientRequest.setHeader(Signature.header, Signature.sign(body, secret)),
    HttpClientRequest.bodyUint8Array(body, "application/json"),
    HttpClient.execute,
    Effect.flatMap((response) =>
      Effect.map(response.text, (answer) => ({ status: response.status, answer }))
    ),
    Effect.mapError(() =>
      new NotAccepted({ message: `Nothing answers at ${url}. Start \`threeqpr serve\`, or give --url.` })
    )
  )
  return { status, millis: (yield* Clock.currentTimeMillis) - started, answer }
})

const lineOf = (id: string, status: string, millis: string, answer: string) =>
  `${id.padEnd(30)}  ${status.padEnd(6)}  ${millis.padStart(5)}  ${answer}`
