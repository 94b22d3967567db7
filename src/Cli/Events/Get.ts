import { Console, Effect } from "effect"
import { Argument, Command, Flag } from "effect/cli"
import { Buffer } from "node:buffer"
import process from "node:process"
import type { EventDetail } from "../../Admin/Api/Events.ts"
import { AdminClient, explained } from "../../Admin/Client.ts"
import { printableIn } from "../../Process/Printable.ts"
import { adminClient, adminUrlFlag, jsonFlag } from "../Flags.ts"
import { paint, printJson } from "../Output.ts"
import { writeOutput } from "../StandardStreams.ts"
import { wrongUsage } from "../Usage.ts"
import { showLife } from "./Life.ts"
import { pretty, textOf } from "./ShowEvents.ts"

/** `threeqpr events get`: everything that the log holds about one event, or its signed body unchanged. */
export const get = Command.make(
  "get",
  {
    id: Argument.String("id").pipe(Argument.withDescription("The event's id, such as evt_01HXYZ")),
    raw: Flag.Boolean("raw").pipe(
      Flag.withDescription(
        "Write only the signed bytes to standard output, and the signature to standard error"
      ),
      Flag.withDefault(false)
    ),
    life: Flag.Boolean("life").pipe(
      Flag.withDescription(
        "Show what happened to the event: in projections, as a dead letter, by operators, and in rows"
      ),
      Flag.withDefault(false)
    ),
    json: jsonFlag,
    adminUrl: adminUrlFlag
  },
  Effect.fnUntraced(function*({ adminUrl, id, json, life, raw }) {
    if (life && raw) return yield* wrongUsage(["events", "get"], "Give --life or --raw, not both.")
    const { eventLife, events } = yield* AdminClient.pipe(Effect.provide(adminClient(adminUrl)))
    if (life) {
      const found = yield* eventLife.get({ params: { id } }).pipe(Effect.mapError(explained))
      return yield* json ? printJson(found) : showLife(printableIn(found))
    }
    const event = yield* events.get({ params: { id } }).pipe(Effect.mapError(explained))
    if (raw) return yield* writeRaw(event)
    if (json) return yield* printJson(event)
    yield* show(printableIn(event))
  })
).pipe(
  Command.withDescription("Show one event: its entry in the log, or its signed bytes"),
  Command.withExamples([
    {
      command: "threeqpr events get evt_01HXYZ",
      description: "Where and when the event was stored, and its body"
    },
    {
      command: "threeqpr events get evt_01HXYZ --life",
      description: "What happened to the event, from receipt to rows"
    },
    { command: "threeqpr events get evt_01HXYZ --raw > body.json", description: "The bytes that 3QPR signed" }
  ])
)

const writeRaw = Effect.fnUntraced(function*({ body_base64, signature }: EventDetail) {
  yield* Effect.sync(() => writeOutput(Buffer.from(body_base64, "base64")))
  yield* Console.error(signatureLine(signature, body_base64, process.stdout.isTTY))
})

/**
 * The line with the signature. On a terminal it begins on a new line, because the body may end without a line feed.
 */
export const signatureLine = (signature: string, body: string, onTerminal: boolean) =>
  `${onTerminal && Buffer.from(body, "base64").at(-1) !== lineFeed ? "\n" : ""}X-3QPR-Signature: ${signature}`

const lineFeed = 10

const show = Effect.fnUntraced(function*(event: EventDetail) {
  const { bold, dim, yellow } = yield* paint
  const line = (name: string, value: string) => Console.log(`${dim(name.padEnd(11))}${value}`)
  yield* line("id", bold(event.id))
  yield* line("type", event.type ?? "unknown")
  if (event.quarantined !== null) yield* line("quarantined", ` ${yellow(event.quarantined)}`)
  yield* line("received", event.received_at)
  yield* line("stored", `sequence ${event.sequence}, subject ${event.subject}`)
  yield* line("bytes", `${event.size}, sha256 ${event.sha256}`)
  const reconciliation = event.headers["3qpr-reconciled"]
  if (reconciliation === undefined) yield* line("signature", event.signature)
  else yield* line("reconciled", ` fetched from 3QPR's API by reconciliation ${reconciliation}`)
  yield* Console.log(`\n${pretty(textOf(event))}`)
})
