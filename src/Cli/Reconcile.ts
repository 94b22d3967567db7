import { Console, Effect, Option, Schema } from "effect"
import { Command, Flag } from "effect/cli"
import { AdminClient, explained } from "../Admin/Client.ts"
import { by } from "./By.ts"
import { adminClient, adminUrlFlag, jsonFlag } from "./Flags.ts"
import { show } from "./Reconcile/Result.ts"
import { watch } from "./Reconcile/Watch.ts"
import { timeFlag } from "./Time.ts"
import { wrongUsage } from "./Usage.ts"

const idFlag = (name: string, about: string) =>
  Flag.Int(name).pipe(Flag.withDescription(about), Flag.withSchema(Schema.Int), Flag.optional)

/** `threeqpr reconcile`: appends scans that no webhook delivered, and the current state of codes, to the log. */
export const reconcile = Command.make(
  "reconcile",
  {
    since: timeFlag("since", "Scans at this time or later"),
    until: timeFlag("until", "Scans before this time (default: now)"),
    qprCode: Flag.String("qpr-code").pipe(
      Flag.withDescription("Only this code and its scans, by its id, short id or name"),
      Flag.withSchema(Schema.NonEmptyString),
      Flag.optional
    ),
    dryRun: Flag.Boolean("dry-run").pipe(
      Flag.withDescription("Only show what is missing"),
      Flag.withDefault(false)
    ),
    watch: idFlag("watch", "Watch the reconciliation with this id, until it ends"),
    cancel: idFlag("cancel", "Stop the reconciliation with this id; repaired scans are kept"),
    json: jsonFlag,
    adminUrl: adminUrlFlag
  },
  Effect.fnUntraced(function*({ adminUrl, cancel, dryRun, json, qprCode, since, until, watch: watched }) {
    const { reconciliations } = yield* AdminClient.pipe(Effect.provide(adminClient(adminUrl)))
    if ([Option.isSome(since), Option.isSome(watched), Option.isSome(cancel)].filter(Boolean).length !== 1) {
      return yield* wrongUsage(["reconcile"], "Give exactly one of --since, --watch and --cancel.")
    }
    if (Option.isSome(cancel)) {
      const ended = yield* reconciliations.cancel({ params: { id: cancel.value } }).pipe(
        Effect.mapError(explained)
      )
      return yield* show(ended, json)
    }
    const from = Option.getOrUndefined(since)
    const started = from === undefined
      ? reconciliations.get({ params: { id: Option.getOrElse(watched, () => 0) } })
      : reconciliations.start({
        payload: {
          since: from,
          until: Option.getOrUndefined(until),
          qpr_code_id: Option.getOrUndefined(qprCode),
          dry_run: dryRun,
          by: by()
        }
      })
    const first = yield* Effect.mapError(started, explained)
    if (first.finished_at === null) yield* Console.error(`reconciliation ${first.id}`)
    yield* show(yield* watch(reconciliations, first), json)
  })
).pipe(
  Command.withDescription(
    "Compare 3QPR's scans and codes with the log, and append those that no webhook delivered"
  ),
  Command.withExamples([
    { command: "threeqpr reconcile --since 2d --dry-run", description: "Show what is missing in two days" },
    {
      command: "threeqpr reconcile --since 2026-03-20T00:00:00Z",
      description: "Find and append what is missing"
    },
    { command: "threeqpr reconcile --cancel 7", description: "Stop a running reconciliation" }
  ])
)
