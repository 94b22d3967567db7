import { Console, Effect } from "effect"
import { Argument, Command } from "effect/cli"
import type { QuarantineDetail } from "../../Admin/Api/Quarantine.ts"
import { AdminClient, explained } from "../../Admin/Client.ts"
import { printableIn } from "../../Process/Printable.ts"
import { pretty, textOf } from "../Events/ShowEvents.ts"
import { adminClient, adminUrlFlag, jsonFlag } from "../Flags.ts"
import { paint, printJson } from "../Output.ts"
import { Sequence } from "./QuarantineFlags.ts"

/** `threeqpr quarantine show`: one entry with its problems, path by path. */
export const show = Command.make(
  "show",
  {
    sequence: Argument.Int("sequence").pipe(
      Argument.withDescription("The sequence of the entry, as `quarantine list` shows it"),
      Argument.withSchema(Sequence)
    ),
    json: jsonFlag,
    adminUrl: adminUrlFlag
  },
  Effect.fnUntraced(function*({ adminUrl, json, sequence }) {
    const { quarantine: api } = yield* AdminClient.pipe(Effect.provide(adminClient(adminUrl)))
    const entry = yield* api.get({ params: { sequence } }).pipe(Effect.mapError(explained))
    yield* json ? printJson(entry) : print(printableIn(entry))
  })
).pipe(
  Command.withDescription("Show one quarantined entry: why it did not decode, and whether it decodes now"),
  Command.withExamples([
    { command: "threeqpr quarantine show 1234", description: "The problems by path, and the body" },
    {
      command: "threeqpr quarantine show 1234 --json | jq .problems",
      description: "The same for a program"
    }
  ])
)

const print = Effect.fnUntraced(function*(entry: QuarantineDetail) {
  const { bold, dim, green, yellow } = yield* paint
  const line = (name: string, value: string) => Console.log(`${dim(name.padEnd(11))}${value}`)
  yield* line("sequence", bold(String(entry.sequence)))
  yield* line("id", entry.id)
  yield* line("received", entry.received_at)
  yield* line("reason", entry.reason)
  yield* line("decodes", entry.decodes ? green("yes: a redrive turns it into an event") : yellow("no"))
  for (const { message, path } of entry.problems) {
    yield* line("problem", path === "" ? message : `${bold(path)}: ${message}`)
  }
  yield* line("signature", entry.signature)
  yield* Console.log(`\n${pretty(textOf(entry))}`)
})
