import { Effect } from "effect"
import { Command } from "effect/cli"
import { operate } from "../Operations/Operate.ts"
import { allFlag, check, operationFlags } from "../Operations/OperationFlags.ts"
import { filterFlags, filterOf, idsArgument, isFiltered, selectionOf } from "./DeadLetterFlags.ts"

/** `threeqpr dead-letters redrive`: gives events again to the consumer that could not handle them. */
export const redrive = Command.make(
  "redrive",
  { ids: idsArgument, all: allFlag, ...filterFlags, ...operationFlags(100) },
  Effect.fnUntraced(function*({ consumer, error, ids, since, type, until, ...flags }) {
    const filter = filterOf({ consumer, error, since, type, until })
    yield* operate({
      command: "threeqpr dead-letters redrive",
      nouns: ["dead letter", "dead letters"],
      verbs: ["redrive", "redriven"],
      flags,
      begin: ({ deadLetters }, common) =>
        deadLetters.redrive({ payload: { ...selectionOf(flags.all, ids, filter), ...common } })
    })
  })
).pipe(
  Command.validate(({ ids, ...flags }) =>
    check(
      flags,
      [flags.all, ids.length > 0, isFiltered(flags)],
      "ids, filter flags (--consumer, --error, …), or --all"
    )
  ),
  Command.withDescription(
    "Deliver events again to the consumer that failed on them; exits 1 when one fails again"
  ),
  Command.withExamples([
    { command: "threeqpr dead-letters redrive scans-1:1234", description: "Redrive one, after a fix" },
    {
      command: "threeqpr dead-letters redrive --consumer scans-1 --error constraint --dry-run",
      description: "Count the failures with one error"
    },
    {
      command: "threeqpr dead-letters redrive --all --yes --rate 20 --json",
      description: "Redrive all, from a program"
    }
  ])
)
