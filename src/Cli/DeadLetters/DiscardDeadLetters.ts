import { Effect, Option, Schema } from "effect"
import { Command, Flag } from "effect/cli"
import { operate } from "../Operations/Operate.ts"
import { allFlag, check, operationFlags, refused } from "../Operations/OperationFlags.ts"
import { filterFlags, filterOf, idsArgument, isFiltered, selectionOf } from "./DeadLetterFlags.ts"

/** `threeqpr dead-letters discard`: removes dead letters permanently, and records who did it and why. */
export const discard = Command.make(
  "discard",
  {
    ids: idsArgument,
    reason: Flag.String("reason").pipe(
      Flag.withDescription("The reason, which is recorded. Required, except for a dry run"),
      Flag.withSchema(Schema.NonEmptyString.check(Schema.isMaxLength(1_000))),
      Flag.optional
    ),
    ...filterFlags,
    all: allFlag,
    ...operationFlags(1000)
  },
  Effect.fnUntraced(function*({ consumer, error, ids, reason, since, type, until, ...flags }) {
    const filter = filterOf({ consumer, error, since, type, until })
    yield* operate({
      command: "threeqpr dead-letters discard",
      nouns: ["dead letter", "dead letters"],
      verbs: ["discard permanently", "discarded"],
      flags,
      begin: ({ deadLetters }, common) =>
        deadLetters.discard({
          payload: {
            ...selectionOf(flags.all, ids, filter),
            ...common,
            reason: Option.getOrElse(reason, () => "dry run")
          }
        })
    })
  })
).pipe(
  Command.validate(({ ids, reason, ...flags }) =>
    Effect.andThen(
      check(
        flags,
        [flags.all, ids.length > 0, isFiltered(flags)],
        "ids, filter flags (--consumer, --error, …), or --all"
      ),
      Option.isNone(reason) && !flags.dryRun && Option.isNone(flags.watch) && Option.isNone(flags.cancel)
        ? refused("give the reason with --reason")
        : Effect.void
    )
  ),
  Command.withDescription(
    "Remove dead letters permanently. Their events stay in the log, but the consumer does not receive them again"
  ),
  Command.withExamples([
    {
      command: `threeqpr dead-letters discard scans-1:1234 --reason "sent by a test"`,
      description: "Discard one dead letter"
    },
    {
      command: `threeqpr dead-letters discard --consumer old-1 --reason "consumer retired" --yes`,
      description: "Discard all dead letters of a consumer"
    }
  ])
)
