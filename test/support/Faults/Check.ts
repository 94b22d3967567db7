import { Effect } from "effect"
import type { NatsProcess } from "../NatsProcess.ts"
import { type Ledger, sha256Of } from "./Ledger.ts"
import { readModels, type Standing } from "./ReadModels.ts"
import { readStream, type StoredEntry } from "./Stored.ts"

/** The outcomes of everything that was sent. The next six numbers add up to `sent`. */
export interface Counts {
  readonly sent: number
  /** Once in the stream with the same bytes and once where it belongs. For a forged body: refused and not stored. */
  readonly ok: number
  /** Answered 200, but missing in the stream or stored with other bytes. */
  readonly lost: number
  /** Never answered 200, whether stored or not. */
  readonly unknown: number
  /** More than once in the stream, or applied more than once. */
  readonly duplicated: number
  /** In the stream, but neither applied nor dead-lettered. */
  readonly skipped: number
  /** Erased, but still in the stream. */
  readonly erased_stored: number
  readonly forged_stored: number
  readonly dead_lettered: number
  readonly quarantined: number
  readonly attempts: Readonly<Record<string, number>>
}

export interface Verdict {
  readonly counts: Counts
  readonly projections: ReadonlyArray<Standing>
  /** Descriptions of violated invariants, at most 50. Empty when all invariants hold. */
  readonly problems: ReadonlyArray<string>
}

export interface CheckOptions {
  /** Ids that the stream may hold more than once, such as one that was replayed after the deduplication window. */
  readonly replayed?: ReadonlySet<string>
  /** Ids of erased events, which no stream may contain. */
  readonly erased?: ReadonlySet<string>
}

/** Dead letters, each as `<durable consumer>:<sequence>`. */
export const deadLetters = (broker: Pick<NatsProcess, "url" | "token">) =>
  Effect.map(
    Effect.promise(() => readStream(broker, "3QPR_DEAD_LETTERS")),
    (letters) =>
      new Set(
        letters.map(({ headers }) => `${headers["3qpr-dead-consumer"]}:${headers["3qpr-dead-sequence"]}`)
      )
  )

/**
 * Compares a ledger with the whole stream and all read models (invariants 1 to 5 of the fault catalogue). Reads the
 * broker and the database directly. Both must run, and all consumers must have caught up.
 */
export const check = Effect.fnUntraced(
  function*(ledger: Ledger, broker: Pick<NatsProcess, "url" | "token">, options: CheckOptions = {}) {
    const all = yield* Effect.promise(() => readStream(broker, "3QPR_EVENTS"))
    const stream = all.filter(({ subject }) => subject !== "3qpr.quarantine.probe")
    const dead = yield* deadLetters(broker)
    const deadSequences = new Set([...dead].map((id) => Number(id.slice(id.lastIndexOf(":") + 1))))
    const projections = yield* readModels(stream, dead)
    const skipped = new Set(projections.flatMap(({ skipped }) => skipped))
    const twice = new Set(projections.flatMap(({ twice }) => twice))
    const places = Map.groupBy(stream, ({ headers }) => headers["ce-id"] ?? "")
    const forged = new Set(
      [...ledger.sent.values()].flatMap(({ kind, sha256 }) => kind === "forged" ? [sha256] : [])
    )
    const forgedStored = stream.filter(({ body }) => forged.has(sha256Of(body)))
    const classes = { ok: 0, lost: 0, unknown: 0, duplicated: 0, skipped: 0, erased_stored: 0 }
    const problems: Array<string> = []
    for (const sent of ledger.sent.values()) {
      const found = places.get(sent.id) ?? []
      const which = sent.kind === "forged"
        ? sent.accepted > 0 ? "lost" : "ok"
        : options.erased?.has(sent.id)
        ? found.length === 0 ? "ok" : "erased_stored"
        : sent.accepted === 0
        ? "unknown"
        : !found.some(({ body }) => sha256Of(body) === sent.sha256)
        ? "lost"
        : found.length > 1 && !options.replayed?.has(sent.id) ||
            found.some(({ sequence }) => twice.has(sequence))
        ? "duplicated"
        : found.some(({ sequence }) => skipped.has(sequence))
        ? "skipped"
        : "ok"
      classes[which]++
      if (which !== "ok") {
        problems.push(
          `${which}: ${sent.kind} ${sent.id} (${sent.accepted} times 200), in the stream at ${
            found.map(({ headers, sequence }) => `${sequence} (${headers["3qpr-received-at"]})`).join(" and ")
          }`
        )
      } else if (sent.kind !== "forged") problems.push(...misplaced(sent.kind, found, deadSequences))
    }
    const unsent = [...places.keys()].filter((id) => !ledger.sent.has(id))
    const counts: Counts = {
      sent: ledger.sent.size,
      ...classes,
      forged_stored: forgedStored.length,
      dead_lettered: dead.size,
      quarantined: stream.filter(({ subject }) => subject.startsWith("3qpr.quarantine.")).length,
      attempts: ledger.statuses
    }
    problems.push(
      ...forgedStored.map(({ sequence }) => `forged and stored at ${sequence}`),
      ...unsent.map((id) => `in the stream and never sent: ${id}`),
      ...projections.flatMap(({ problems }) => problems),
      ...ledger.wrong
    )
    return { counts, projections, problems: problems.slice(0, 50) } satisfies Verdict
  }
)

const misplaced = (kind: string, found: ReadonlyArray<StoredEntry>, dead: ReadonlySet<number>) => {
  const [entry] = found
  if (entry === undefined) return []
  const isQuarantined = entry.subject.startsWith("3qpr.quarantine.")
  const isDead = dead.has(entry.sequence)
  return (kind === "quarantined") === isQuarantined && (kind === "poison") === isDead
    ? []
    : [`${kind} ${entry.headers["ce-id"]} is at ${entry.subject}${isDead ? " and dead-lettered" : ""}`]
}
