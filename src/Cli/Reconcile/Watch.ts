import { Effect } from "effect"
import { type AdminClient, explained } from "../../Admin/Client.ts"
import type { Reconciliation } from "../../Domain/Reconciliation.ts"
import { CommandFailed } from "../CommandFailed.ts"
import { liveLine } from "../LiveLine.ts"

/** Shows the progress of a reconciliation until it ends. Interrupting the watch does not stop the reconciliation. */
export const watch = Effect.fnUntraced(
  function*(api: AdminClient["Service"]["reconciliations"], begun: Reconciliation) {
    const screen = yield* liveLine
    let current = begun
    yield* Effect.gen(function*() {
      while (current.finished_at === null) {
        yield* screen.show(lineOf(current))
        yield* Effect.sleep("300 millis")
        const answer = yield* Effect.result(
          api.get({ params: { id: begun.id } }).pipe(Effect.mapError(explained))
        )
        if (answer._tag === "Success") current = answer.success
        else if (!answer.failure.transient) return yield* answer.failure
        else yield* screen.show(`${answer.failure.message} Retrying…`)
      }
    }).pipe(
      Effect.onInterrupt(() =>
        screen.say(
          `It continues. \`threeqpr reconcile --watch ${begun.id}\` shows it, `
            + `\`threeqpr reconcile --cancel ${begun.id}\` ends it.`
        )
      ),
      Effect.ensuring(screen.clear)
    )
    if (current.state !== "failed") return current
    return yield* new CommandFailed({ message: `Reconciliation ${begun.id} failed: ${current.error}` })
  }
)

const lineOf = ({ appended, dry_run, error, missing, seen, still_missing }: Reconciliation) =>
  `${seen.toLocaleString("en-US")} scans compared, `
  + (dry_run ? `${missing} missing` : `${appended} repaired, ${still_missing} still missing`)
  + (error === null ? "" : `; waits: ${error}`)
