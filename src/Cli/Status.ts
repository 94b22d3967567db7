import { Console, Duration, Effect } from "effect"
import { Command } from "effect/cli"
import type { ProjectionAnswer } from "../Admin/Api/Projections.ts"
import type { ReconciliationsAnswer } from "../Admin/Api/Reconciliations.ts"
import type { ConsumerAnswer, StatusAnswer } from "../Admin/Api/Status.ts"
import { AdminClient, explained } from "../Admin/Client.ts"
import { bytes } from "../Domain/Bytes.ts"
import { typeOf } from "../Domain/EventSubject.ts"
import { CommandFailed } from "./CommandFailed.ts"
import { adminClient, adminUrlFlag, jsonFlag } from "./Flags.ts"
import { fit, type Paint, paint, printJson, table } from "./Output.ts"
import { fullTime } from "./Time.ts"

/** `threeqpr status`: prints the stream, its rates, its consumers and their lag on one page. */
export const status = Command.make(
  "status",
  { json: jsonFlag, adminUrl: adminUrlFlag },
  Effect.fnUntraced(function*({ adminUrl, json }) {
    const { projections: accounts, reconciliations: repairs, status: api } = yield* AdminClient.pipe(
      Effect.provide(adminClient(adminUrl))
    )
    const status = yield* api.get().pipe(Effect.mapError(explained))
    // Without the database these are unknown, but all other fields are still shown.
    const projections = yield* accounts.list().pipe(
      Effect.map(({ projections }) => projections),
      Effect.orElseSucceed(() => null)
    )
    const reconciled = yield* repairs.list({ query: { limit: 1 } }).pipe(Effect.orElseSucceed(() => null))
    yield* json ? printJson({ ...status, projections, reconciled }) : show(status, projections, reconciled)
    const strange = strangeOf(status, projections)
    if (!status.ready || strange.length > 0) {
      const parts = [...status.faults, ...strange].map(({ part, reason }) => `${part} (${reason})`)
      return yield* new CommandFailed({ message: `not ready: ${parts.join("; ")}` })
    }
  })
).pipe(
  Command.withDescription(
    "Show readiness, stream, rates and consumers with their lag; exits 1 when not ready"
  ),
  Command.withExamples([
    { command: "threeqpr status", description: "Status of the server on this machine" },
    {
      command: "threeqpr status --json | jq '.consumers[].lag'",
      description: "Lag of each consumer"
    }
  ])
)

/** Faults of read models that the responding process does not report itself. */
const strangeOf = (status: StatusAnswer, projections: ReadonlyArray<ProjectionAnswer> | null) =>
  (projections ?? []).flatMap(({ fault, name }) => {
    const part = `projection ${name}`
    return fault === null || status.faults.some((known) => known.part === part)
      ? []
      : [{ part, reason: fault }]
  })

const show = Effect.fnUntraced(function*(
  status: StatusAnswer,
  projections: ReadonlyArray<ProjectionAnswer> | null,
  reconciled: ReconciliationsAnswer | null
) {
  const colors = yield* paint
  const { bold, dim, green, red } = colors
  const { stream } = status
  const faults = [...status.faults, ...strangeOf(status, projections)]
  yield* Console.log(
    `${bold("threeqpr-events")} ${status.version}  ${
      faults.length === 0 && status.ready ? green("ready") : red("not ready")
    }`
  )
  for (const { part, reason } of faults) yield* Console.log(fit(`  ${red(part)}: ${reason}`))
  yield* Console.log(`\n${bold(`stream ${stream.name}`)} ${dim(`since ${fullTime(stream.created)}`)}`)
  for (const [name, value] of [...streamFacts(status, colors), ...repairFacts(reconciled)]) {
    yield* Console.log(fit(`  ${dim(name.padEnd(13))} ${value}`))
  }
  yield* Console.log("")
  if (status.consumers.length === 0) return yield* Console.log("No durable consumer reads this stream.")
  const missingOf = (consumer: string) => {
    const missing = projections?.find(({ durable }) => durable === consumer)?.completeness.missing
    if (missing === undefined) return projections === null ? "?" : "-"
    return missing > 0 ? red(number(missing)) : "0"
  }
  yield* table(
    consumerColumns,
    status.consumers.map((consumer) => consumerCells(consumer, missingOf(consumer.name)))
  )
})

type Facts = ReadonlyArray<readonly [name: string, value: string]>

const streamFacts = (
  { conflicts, dead_letters, quarantined, rates, stream }: StatusAnswer,
  { red, yellow }: Paint
): Facts => [
  [
    "events",
    `${number(stream.events)} (${bytes(stream.bytes)}), sequences ${number(stream.first_sequence)} to ${
      number(stream.last_sequence)
    }`
  ],
  [
    "stored",
    `${number(rates.last_minute)} in the last minute (${(rates.last_minute / 60).toFixed(1)} a second), `
    + `${number(rates.last_hour)} in the last hour`
  ],
  ["dedup window", seconds(stream.dedup_window_seconds)],
  ["retention", stream.retention_seconds === null ? "unlimited" : seconds(stream.retention_seconds)],
  ["replicas", number(stream.replicas)],
  ["quarantined", quarantined > 0 ? yellow(number(quarantined)) : "0"],
  ...(conflicts === 0
    ? []
    : [["conflicts", yellow(conflicts === null ? "unknown" : number(conflicts))] as const]),
  ["dead letters", dead_letters > 0 ? red(number(dead_letters)) : "0"]
]

const repairFacts = (answer: ReconciliationsAnswer | null): Facts =>
  (answer?.reconciliations ?? []).slice(0, 1).map(({ error, id, state }) => [
    "reconciled",
    `${number(answer?.repaired ?? 0)} scans in total, last one (${id}) ${state}${
      error === null ? "" : `: ${error}`
    }`
  ])

const consumerColumns = [
  { title: "CONSUMER" },
  { title: "LAG", right: true },
  { title: "OLDEST", right: true },
  { title: "IN FLIGHT", right: true },
  { title: "AGAIN", right: true },
  { title: "MISSING", right: true },
  { title: "READS" }
]

const consumerCells = (consumer: ConsumerAnswer, missing: string) => [
  consumer.name,
  number(consumer.lag),
  consumer.lag === 0 ? "-" : seconds(Math.round(consumer.lag_seconds)),
  number(consumer.in_flight),
  number(consumer.redelivered),
  missing,
  typeOf(consumer.filter).replace(/^>$/, "all events")
]

const number = (value: number) => value.toLocaleString("en-US")

const seconds = (value: number) => Duration.format(Duration.seconds(value))
