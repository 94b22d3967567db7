import { Effect, Option } from "effect"
import { Command } from "effect/cli"
import { operate } from "../Operations/Operate.ts"
import { allFlag, check, operationFlags } from "../Operations/OperationFlags.ts"
import { reasonFlag, sequencesArgument } from "./QuarantineFlags.ts"

/** `threeqpr quarantine redrive`: converts entries that this version can decode to events. */
export const redrive = Command.make(
  "redrive",
  { sequences: sequencesArgument, reason: reasonFlag, all: allFlag, ...operationFlags(100) },
  Effect.fnUntraced(function*({ reason, sequences, ...flags }) {
    const selection = flags.all
      ? { all: true as const }
      : Option.isSome(reason)
      ? { reason: reason.value }
      : { sequences }
    yield* operate({
      command: "threeqpr quarantine redrive",
      nouns: ["quarantined entry", "quarantined entries"],
      verbs: ["redrive", "redriven"],
      flags,
      begin: ({ quarantine }, common) => quarantine.redrive({ payload: { ...selection, ...common } }),
      note: ({ count, decodable }) =>
        `${decodable} of ${count} can be decoded now; the others stay in quarantine`
    })
  })
).pipe(
  Command.validate(({ reason, sequences, ...flags }) =>
    check(flags, [flags.all, sequences.length > 0, Option.isSome(reason)], "sequences, --reason, or --all")
  ),
  Command.withDescription("Turn entries that decode now into events; exits 1 when one still does not decode"),
  Command.withExamples([
    {
      command: "threeqpr quarantine redrive 1234",
      description: "One entry, after an upgrade that can decode it"
    },
    {
      command: "threeqpr quarantine redrive --reason invalid_data --dry-run",
      description: "Count the entries that this version can decode"
    }
  ])
)
