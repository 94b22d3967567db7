import { Console, Effect } from "effect"
import { Argument, Command } from "effect/cli"
import type { DeadLetterDetail } from "../../Admin/Api/DeadLetters.ts"
import { AdminClient, explained } from "../../Admin/Client.ts"
import { printableIn } from "../../Process/Printable.ts"
import { pretty, textOf } from "../Events/ShowEvents.ts"
import { adminClient, adminUrlFlag, jsonFlag } from "../Flags.ts"
import { paint, printJson } from "../Output.ts"

/** `threeqpr dead-letters show`: one dead letter and its event. */
export const show = Command.make(
  "show",
  {
    id: Argument.String("id").pipe(
      Argument.withDescription("The dead letter's id: consumer and sequence, such as scans-1:1234")
    ),
    json: jsonFlag,
    adminUrl: adminUrlFlag
  },
  Effect.fnUntraced(function*({ adminUrl, id, json }) {
    const { deadLetters: api } = yield* AdminClient.pipe(Effect.provide(adminClient(adminUrl)))
    const letter = yield* api.get({ params: { id } }).pipe(Effect.mapError(explained))
    yield* json ? printJson(letter) : print(printableIn(letter))
  })
).pipe(
  Command.withDescription("Show one dead letter: why, when and how often it failed, and its event"),
  Command.withExamples([
    { command: "threeqpr dead-letters show scans-1:1234", description: "The error and the event" },
    {
      command: "threeqpr dead-letters show scans-1:1234 --json | jq -r .body_base64 | base64 -d",
      description: "The bytes that 3QPR signed"
    }
  ])
)

const print = Effect.fnUntraced(function*(letter: DeadLetterDetail) {
  const { bold, dim, red } = yield* paint
  const line = (name: string, value: string) => Console.log(`${dim(name.padEnd(11))}${value}`)
  yield* line("id", bold(letter.id))
  yield* line("error", red(letter.error))
  yield* line("failed", `${letter.last_failed_at}, the first time ${letter.first_failed_at}`)
  yield* line("attempts", String(letter.attempts))
  yield* line("consumer", letter.consumer)
  yield* line("event", `${letter.event_id}, ${letter.type}`)
  yield* line("stored", `sequence ${letter.sequence}, subject ${letter.subject}`)
  yield* line("signature", letter.signature)
  yield* Console.log(`\n${pretty(textOf(letter))}`)
})
