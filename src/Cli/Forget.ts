import { Effect, Option, Schema } from "effect"
import { Command, Flag } from "effect/cli"
import { operate } from "./Operations/Operate.ts"
import { check, operationFlags, refused } from "./Operations/OperationFlags.ts"

const id = (name: string, about: string) =>
  Flag.String(name).pipe(
    Flag.withDescription(about),
    Flag.withSchema(Schema.NonEmptyString.check(Schema.isMaxLength(255))),
    Flag.optional
  )

/** `threeqpr forget`: erases what belongs to a code or a conversation, and records the person and the reason. */
export const forget = Command.make(
  "forget",
  {
    qprCode: id(
      "qpr-code",
      "The id, short id or name of a code: the code, its scans and their conversations"
    ),
    conversation: id("conversation", "Erase one conversation"),
    event: id(
      "event",
      "The entity of this event (a scan, a conversation, …), with every event of that entity"
    ),
    reason: id("reason", "The reason, which is recorded. Required, except for a dry run"),
    ...operationFlags(1000)
  },
  Effect.fnUntraced(function*({ conversation, event, qprCode, reason, ...flags }) {
    yield* operate({
      command: "threeqpr forget",
      nouns: ["event", "events"],
      sought: "trace of",
      verbs: ["erase permanently", "forgotten"],
      flags,
      // The listener reads the whole log before it responds.
      patience: "5 minutes",
      begin: ({ forget }, common) =>
        forget.begin({
          payload: {
            qpr_code_id: Option.getOrUndefined(qprCode),
            conversation_id: Option.getOrUndefined(conversation),
            event_id: Option.getOrUndefined(event),
            ...common,
            reason: Option.getOrElse(reason, () => "dry run")
          }
        }),
      note: ({ dead_letters, rows, target }) =>
        [
          ...Object.entries({ ...rows, "dead letters": dead_letters })
            .flatMap(([what, count]) => count === 0 ? [] : [`${what}: ${count}`]),
          ...Option.contains(qprCode, target.id) || target.kind !== "qpr_code"
            ? []
            : [`the code ${target.id}`]
        ].join(", ") || undefined
    })
  })
).pipe(
  Command.validate(({ conversation, event, qprCode, reason, ...flags }) =>
    Effect.andThen(
      check(
        flags,
        [qprCode, conversation, event].map(Option.isSome),
        "--qpr-code, --conversation or --event"
      ),
      Option.isNone(reason) && !flags.dryRun && Option.isNone(flags.watch) && Option.isNone(flags.cancel)
        ? refused("give the reason with --reason")
        : Effect.void
    )
  ),
  Command.withDescription(
    "Erase a code, a conversation or the entity of an event from the log and the read models, permanently"
  ),
  Command.withExamples([
    {
      command: "threeqpr forget --qpr-code qpr_8fK2 --dry-run",
      description: "Show what would be erased for a code"
    },
    {
      command: `threeqpr forget --conversation conv_42 --reason "requested by the customer"`,
      description: "Erase one conversation"
    }
  ])
)
