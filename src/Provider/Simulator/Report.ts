import { type Silence, silences } from "./Delivery.ts"
import { type FaultName, faultNames } from "./Faults.ts"
import { isAccepted, type Ledger, type Unexpected } from "./Ledger.ts"

/** What a run did and what became of it, as `--json` prints it. */
export interface Report {
  readonly seed: string
  /** Nothing of `wrong`. */
  readonly clean: boolean
  /** What speaks against the receiver, and what keeps the run from proving anything. */
  readonly wrong: ReadonlyArray<string>
  /** Of `wrong`, what speaks against the receiver. */
  readonly violations: ReadonlyArray<string>
  /** ISO 8601. */
  readonly started_at: string
  readonly seconds: number
  /** Events a second: as asked for, and as sent. */
  readonly rate: { readonly asked: number; readonly sent: number }
  readonly speed: number
  readonly events: number
  readonly deliveries: {
    readonly total: number
    readonly by_status: Readonly<Record<string, number>>
    readonly no_answer: Readonly<Record<Silence, number>>
  }
  /** Events that were accepted, one for each webhook. */
  readonly accepted: number
  /** Of those, the ones answered as new. */
  readonly stored: number
  /** Of those, the ones that are no events. */
  readonly quarantined: number
  /** Answers that said so. */
  readonly duplicates: number
  readonly forged: {
    readonly sent: number
    readonly refused: number
    readonly accepted: number
    readonly unanswered: number
  }
  readonly retries: number
  /** Not accepted and not given up when the run ended. */
  readonly waiting: number
  readonly given_up: number
  /** Attempts that began more than 100 ms after their time: too many in flight, or a busy machine. */
  readonly late: number
  /** How many events each chosen fault happened to. */
  readonly faults: Readonly<Partial<Record<FaultName, number>>>
  /** Milliseconds from the scheduled time of an attempt to its answer; null without an answer. */
  readonly latency: { readonly p50: number | null; readonly p99: number | null; readonly max: number | null }
  readonly waiting_ids: ReadonlyArray<string>
  readonly given_up_ids: ReadonlyArray<string>
  readonly unexpected: ReadonlyArray<Unexpected>
}

/** What a report says about the run itself. */
export interface Run {
  readonly seed: string
  readonly startedAt: number
  readonly endedAt: number
  readonly rate: number
  readonly speed: number
  readonly faults: ReadonlySet<FaultName>
}

/** The report of a run: what the ledger holds when it is asked. */
export const reportOf = (ledger: Ledger, run: Run): Report => {
  const violations = violationsIn(ledger)
  const wrong = [...violations, ...emptiness(ledger, run)]
  const seconds = (run.endedAt - run.startedAt) / 1_000
  const idsIn = (state: string) => ledger.entries.filter((entry) => entry.state === state).map(({ id }) => id)
  const waiting = idsIn("waiting")
  return {
    seed: run.seed,
    clean: wrong.length === 0,
    wrong,
    violations,
    started_at: new Date(run.startedAt).toISOString(),
    seconds,
    rate: { asked: run.rate, sent: seconds > 0 ? round(ledger.events / seconds) : 0 },
    speed: run.speed,
    events: ledger.events,
    deliveries: {
      total: ledger.deliveries,
      by_status: Object.fromEntries(
        [...ledger.statuses].flatMap(([status, count]) => typeof status === "number" ? [[status, count]] : [])
      ),
      no_answer: Object.fromEntries(
        silences.map((silence) => [silence, ledger.statuses.get(silence) ?? 0])
      ) as Record<Silence, number>
    },
    accepted: ledger.accepted,
    stored: ledger.stored,
    quarantined: ledger.quarantined,
    duplicates: ledger.duplicates,
    forged: forgedOf(ledger),
    retries: ledger.retries,
    waiting: waiting.length,
    given_up: ledger.givenUp,
    late: ledger.late,
    faults: Object.fromEntries(
      faultNames.filter((name) => run.faults.has(name)).map((name) => [name, ledger.faults.get(name) ?? 0])
    ),
    latency: {
      p50: roundOrNull(ledger.latency.quantile(0.5)),
      p99: roundOrNull(ledger.latency.quantile(0.99)),
      max: roundOrNull(ledger.latency.max)
    },
    waiting_ids: waiting,
    given_up_ids: idsIn("given up"),
    unexpected: ledger.unexpected
  }
}

const violationsIn = (ledger: Ledger): ReadonlyArray<string> => {
  const kinds = new Map<string, number>()
  for (const { reason } of ledger.unexpected) kinds.set(reason, (kinds.get(reason) ?? 0) + 1)
  return [
    ...(ledger.givenUp === 0 ? [] : [`${ledger.givenUp} given up`]),
    ...[...kinds].slice(0, 5).map(([reason, count]) => `${count} × ${reason}`),
    ...(kinds.size > 5 ? [`${kinds.size - 5} more kinds of unexpected answers`] : [])
  ]
}

const emptiness = (ledger: Ledger, { faults }: Run) => [
  ...(ledger.accepted > 0 ? [] : ["no event was accepted"]),
  ...(faults.size === 0 || ledger.faults.size > 0 ? [] : ["no fault happened: too few events"])
]

const forgedOf = ({ forged }: Ledger) => ({
  sent: forged.length,
  refused: forged.filter(({ status }) => typeof status === "number" && status >= 400 && status <= 499).length,
  accepted: forged.filter(({ status }) => isAccepted(status)).length,
  unanswered: forged.filter(({ status }) => typeof status !== "number" || status >= 500).length
})

const round = (number: number) => Math.round(number * 10) / 10
const roundOrNull = (number: number | null) => number === null ? null : round(number)
