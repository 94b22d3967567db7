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
    since: timeFlag("since", "Scans of this time or later"),
    until: timeFlag("until", "Scans before this time (default: now)"),
    qprCode: Flag.String("qpr-code").pipe(
      Flag.withDescription("Only this code and its scans: its id, short id or name"),
      Flag.withSchema(Schema.NonEmptyString),
      Flag.optional
    ),
    dryRun: Flag.Boolean("dry-run").pipe(
      Flag.withDescription("Append nothing: show what is missing"),
      Flag.withDefault(false)
    ),
    watch: idFlag("watch", "Watch the reconciliation with this id, until it ends"),
    cancel: idFlag("cancel", "Stop the reconciliation with this id; what it has repaired stays"),
    json: jsonFlag,
    adminUrl: adminUrlFlag
  },
  Effect.fnUntraced(function*({ adminUrl, cancel, dryRun, json, qprCode, since, until, watch: watched }) {
    const { reconciliations } = yield* AdminClient.pipe(Effect.provide(adminClient(adminUrl)))
    if ([Option.isSome(since), Option.isSome(watched), Option.isSome(cancel)].filter(Boolean).length !== 1) {
      return yield* wrongUsage(["reconcile"], "Give --since, or --watch, or --cancel: one of them.")
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
  Command.withDescription("Compare 3QPR's scans and codes with ours, and bring in what no webhook delivered"),
  Command.withExamples([
    { command: "threeqpr reconcile --since 2d --dry-run", description: "What is missing of two days" },
    { command: "threeqpr reconcile --since 2026-03-20T00:00:00Z", description: "Find it and repair it" },
    { command: "threeqpr reconcile --cancel 7", description: "Stop one that is running" }
  ])
)
