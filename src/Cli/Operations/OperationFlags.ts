import { Effect, Option, Schema } from "effect"
import { CliError, Flag, TerminalCapabilities } from "effect/cli"
import { adminUrlFlag, jsonFlag } from "../Flags.ts"

/** The flag that selects everything. */
export const allFlag = Flag.Boolean("all").pipe(
  Flag.withDescription("Select all"),
  Flag.withDefault(false)
)

/** The flags of every command that changes many events. `rate` is the default number of events a second. */
export const operationFlags = (rate: 100 | 1000) => ({
  dryRun: Flag.Boolean("dry-run").pipe(
    Flag.withDescription("Only show how many events are selected"),
    Flag.withDefault(false)
  ),
  yes: Flag.Boolean("yes").pipe(
    Flag.withDescription("Do not ask for confirmation; required without a terminal"),
    Flag.withDefault(false)
  ),
  rate: Flag.Int("rate").pipe(
    Flag.withDescription(`Maximum number of events per second (default ${rate})`),
    Flag.withSchema(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 100_000 }))),
    Flag.optional
  ),
  watch: Flag.String("watch").pipe(
    Flag.withDescription("Watch this running operation, and show the outcome of each event"),
    Flag.optional
  ),
  cancel: Flag.String("cancel").pipe(
    Flag.withDescription("Stop this operation; events that it has not reached remain unchanged"),
    Flag.optional
  ),
  json: jsonFlag,
  adminUrl: adminUrlFlag
})

export interface OperationFlags {
  readonly dryRun: boolean
  readonly yes: boolean
  readonly rate: Option.Option<number>
  readonly watch: Option.Option<string>
  readonly cancel: Option.Option<string>
  readonly json: boolean
  readonly adminUrl: Option.Option<string>
}

/** Refuses flags that do not select events in exactly one way, and changes that cannot be confirmed on a terminal. */
export const check = Effect.fnUntraced(
  function*(flags: OperationFlags, given: ReadonlyArray<boolean>, ways: string) {
    const { cancel, dryRun, watch, yes } = flags
    const under = [Option.isSome(watch), Option.isSome(cancel)].filter(Boolean).length
    const ofWhich = given.filter(Boolean).length
    if (under > 0) {
      return under + ofWhich === 1
        ? undefined
        : yield* refused("--watch and --cancel cannot be combined with a selection")
    }
    if (ofWhich !== 1) return yield* refused(`select the events in exactly one way: ${ways}`)
    const { canPrompt } = yield* TerminalCapabilities.TerminalCapabilities
    if (!canPrompt && !dryRun && !yes) {
      return yield* refused(
        "there is no terminal for a confirmation: add --yes, or check with --dry-run"
      )
    }
  }
)

/** Wrong usage: prints a reference to the help and exits with 2. */
export const refused = (message: string) => Effect.fail(new CliError.ValidationError({ message }))
