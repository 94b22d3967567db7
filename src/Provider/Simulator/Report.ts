import { type Silence, silences } from "./Delivery.ts"
import { type FaultName, faultNames } from "./Faults.ts"
import { isAccepted, type Ledger, type Unexpected } from "./Ledger.ts"

/** The result of a run, as `--json` prints it. */
export interface Report {
  readonly seed: string
  /** Whether `wrong` is empty. */
  readonly clean: boolean
  /** The violations, and the reasons why the run proves nothing. */
  readonly wrong: ReadonlyArray<string>
  /** The part of `wrong` that is a fault of the receiver. */
  readonly violations: ReadonlyArray<string>
  /** ISO 8601. */
  readonly started_at: string
  readonly seconds: number
  /** Events per second: requested and sent. */
  readonly rate: { readonly asked: number; readonly sent: number }
  readonly speed: number
  readonly events: number
  readonly deliveries: {
    readonly total: number
    readonly by_status: Readonly<Record<string, number>>
    readonly no_answer: Readonly<Record<Silence, number>>
  }
  /** Accepted events, counted once per webhook. */
  readonly accepted: number
  /** Accepted events that the receiver has stored as new. */
  readonly stored: number
  /** Accepted deliveries that are not usable events. */
  readonly quarantined: number
  /** Responses that reported a duplicate. */
  readonly duplicates: number
  readonly forged: {
    readonly sent: number
    readonly refused: number
    readonly accepted: number
    readonly unanswered: number
  }
  readonly retries: number
  /** Events that were neither accepted nor given up when the run ended. */
  readonly waiting: number
  readonly given_up: number
  /** Attempts that started more than 100 ms after their time: too many were in flight, or the machine was busy. */
  readonly late: number
  /** Number of events that each chosen fault affected. */
  readonly faults: Readonly<Partial<Record<FaultName, number>>>
  /** Milliseconds from the scheduled time of an attempt to its response; null without a response. */
  readonly latency: { readonly p50: number | null; readonly p99: number | null; readonly max: number | null }
  readonly waiting_ids: ReadonlyArray<string>
  readonly given_up_ids: ReadonlyArray<string>
  readonly unexpected: ReadonlyArray<Unexpected>
}

/** The facts about the run itself. */
export interface Run {
  readonly seed: string
  readonly startedAt: number
  readonly endedAt: number
  readonly rate: number
  readonly speed: number
  readonly faults: ReadonlySet<FaultName>
}

/** The report of a run, from the current state of the ledger. */
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
