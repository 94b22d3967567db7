import { Console, type Duration, Effect, Option } from "effect"
import { Prompt, TerminalCapabilities } from "effect/cli"
import { AdminClient, explained } from "../../Admin/Client.ts"
import { by } from "../By.ts"
import { CommandFailed } from "../CommandFailed.ts"
import { adminClient } from "../Flags.ts"
import { printJson } from "../Output.ts"
import type { OperationFlags } from "./OperationFlags.ts"
import { watch } from "./WatchOperations.ts"

/** The response to the start or dry run of an operation. */
export interface Begun {
  readonly operation: string | null
  readonly count: number
  readonly missing: ReadonlyArray<string | number>
}

export interface Operating<B extends Begun, E> {
  /** The command line, such as `threeqpr dead-letters redrive`. */
  readonly command: string
  /** The noun for the events, in singular and plural. */
  readonly nouns: readonly [one: string, several: string]
  /** The noun for an id that matches nothing; the singular of `nouns` when undefined. */
  readonly sought?: string
  /** The verb, in infinitive and participle: `redrive`, `redriven`. */
  readonly verbs: readonly [does: string, done: string]
  readonly flags: OperationFlags
  /** Time limit of a response of the private listener. */
  readonly patience?: Duration.Input
  /** Sends the request; with `dry_run`, the listener only counts the events. */
  readonly begin: (
    api: AdminClient["Service"],
    common: { readonly by: string; readonly rate: number | undefined; readonly dry_run: boolean }
  ) => Effect.Effect<B, E>
  /** A note to print beside the count. */
  readonly note?: (begun: B) => string | undefined
}

/** Counts the events, asks for confirmation, starts the operation, and watches it to its end. */
export const operate = Effect.fnUntraced(function*<B extends Begun, E>(operating: Operating<B, E>) {
  const { begin, command, flags, nouns: [one, several], note, patience, sought = one, verbs: [does, done] } =
    operating
  const api = yield* AdminClient.pipe(Effect.provide(adminClient(flags.adminUrl, patience)))
  if (Option.isSome(flags.cancel)) return yield* cancel(api, flags.cancel.value, flags.json)
  if (Option.isSome(flags.watch)) return yield* watch(api, flags.watch.value, command, flags.json)
  const ask = (dry_run: boolean) =>
    begin(api, { by: by(), rate: Option.getOrUndefined(flags.rate), dry_run }).pipe(
      Effect.mapError(explained)
    )

  const found = yield* ask(true)
  const noted = note?.(found)
  const count = `${found.count} ${found.count === 1 ? one : several}${
    noted === undefined ? "" : ` (${noted})`
  }`
  const missing = found.missing.length === 0
    ? undefined
    : new CommandFailed({ message: `There is no ${sought} ${found.missing.slice(0, 10).join(", ")}.` })
  if (flags.dryRun) {
    yield* flags.json ? printJson(found) : Console.log(`${count} would be ${done}.`)
    return missing && (yield* missing)
  }
  if (found.count === 0) return yield* missing ?? Console.error(`No ${one} matches.`)
  if (!flags.yes) yield* confirm(`${capital(does)} ${count}?`, done)
  const { operation } = yield* ask(false)
  if (operation === null) return yield* Console.error(`No ${one} matches now.`)
  const watched = yield* Effect.result(watch(api, operation, command, flags.json))
  if (watched._tag === "Failure") return yield* Effect.fail(watched.failure)
  return missing && (yield* missing)
})

const confirm = Effect.fnUntraced(function*(message: string, done: string) {
  const { canPrompt } = yield* TerminalCapabilities.TerminalCapabilities
  if (canPrompt && (yield* Prompt.run(Prompt.Confirm({ message })))) return
  return yield* new CommandFailed({ message: `Not confirmed: nothing was ${done}.` })
})

const cancel = Effect.fnUntraced(function*(api: AdminClient["Service"], id: string, asJson: boolean) {
  const operation = yield* api.operations.cancel({ params: { id }, payload: { by: by() } }).pipe(
    Effect.mapError(explained)
  )
  if (asJson) return yield* printJson(operation)
  const { left, requested, state } = operation
  yield* Console.log(
    state === "done"
      ? `${id} had already ended.`
      : `${id} is cancelled: ${left} of ${requested} remain unchanged.`
  )
})

const capital = (text: string) => text.slice(0, 1).toUpperCase() + text.slice(1)
