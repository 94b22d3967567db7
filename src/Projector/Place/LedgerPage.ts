import { Effect, Schema, Stream } from "effect"
import { SqlClient } from "effect/sql/SqlClient"
import { allRows } from "../../Database/Rows.ts"
import type { LedgerProblem } from "../../Domain/Ledger.ts"
import { type Delivered, eventOf } from "../../EventLog/Delivered.ts"
import { logEntries } from "../../EventLog/Entries.ts"
import { EventLog } from "../../EventLog/EventLog.ts"
import { quarantineSubject } from "../../EventLog/Names.ts"
import { filterOf, matches } from "../../EventLog/Subjects.ts"
import { setAsideBy } from "../Apply/SetAside.ts"
import type { Projection } from "../Projection.ts"
import { appliedTable } from "../Tables.ts"
import { positionAt } from "./LogIdentity.ts"

/** An entry as the consumer of a projection sees it. */
type Placed = Pick<Delivered, "id" | "sequence" | "subject" | "type">

/** A generation and its durable consumer. */
interface Built {
  readonly generation: number
  readonly durable: string
}

/** Number of entries on a page. */
export const pageSize = 20_000

/**
 * Accounts for one page of the entries after `after` up to `upTo`, entry by entry. Compares them with the applied
 * events, the repeated entries and the dead letters of one generation. The page ends at `cursor`.
 */
export const ledgerPage = Effect.fn("Projector.ledgerPage")(
  function*(projection: Projection, { durable, generation }: Built, after: number, upTo: number) {
    const entries = yield* entriesOf(after, upTo)
    const last = entries.at(-1)?.sequence
    const more = entries.length >= pageSize
    const cursor = more && last !== undefined ? last : upTo
    const page = Effect.gen(function*() {
      const { counts, problems } = yield* compare(projection, { durable, generation }, entries, after, cursor)
      const beyond = more ? [] : yield* strangers(projection, generation, upTo)
      return { counts, problems: [...problems, ...beyond] }
    })
    const found = yield* page
    // A redrive or a batch may have moved an event between two of the reads, so the page is compared again.
    const sure = found.problems.length === 0 ? found : yield* Effect.delay(page, "1 second")
    return { cursor, more, ...sure }
  }
)

/** Maximum number of applied events after the position that are compared with the log. */
const mostBeyond = 100

/** Among the newest events applied after a position, those that the log does not have at their sequences. */
const strangers = Effect.fnUntraced(function*(projection: Projection, generation: number, upTo: number) {
  const sql = yield* SqlClient
  const newest = yield* allApplied(
    sql`select event_id, sequence::float8 as sequence from ${
      sql.literal(appliedTable(projection, generation))
    }
      where sequence > ${upTo}::bigint order by sequence desc limit ${mostBeyond}`
  )
  if (newest.length === 0) return []
  const { firstSequence } = yield* (yield* EventLog).state
  const compared = yield* Effect.forEach(
    newest.filter(({ sequence }) => sequence >= firstSequence),
    ({ event_id: id, sequence }) =>
      Effect.map(
        positionAt(sequence),
        (found): ReadonlyArray<LedgerProblem> =>
          found?.id === id ? [] : [{ kind: "unexplained", sequence, id }]
      ),
    { concurrency: 16 }
  )
  return compared.flat()
})

const allApplied = allRows(Schema.Struct({ event_id: Schema.String, sequence: Schema.Finite }))
const allSequences = allRows(Schema.Struct({ sequence: Schema.Finite }))

// Bodies are left out, because those of a whole page would take too much memory.
const entriesOf = (after: number, upTo: number) =>
  logEntries({ after, upTo }).pipe(
    Stream.map((entry): Placed => {
      const { id, sequence, subject, type } = eventOf(entry)
      return { id, sequence, subject, type }
    }),
    Stream.take(pageSize),
    Stream.runCollect
  )

const compare = Effect.fnUntraced(function*(
  projection: Projection,
  { durable, generation }: Built,
  entries: ReadonlyArray<Placed>,
  after: number,
  upTo: number
) {
  const sql = yield* SqlClient
  const within = sql`sequence > ${after}::bigint and sequence <= ${upTo}::bigint`
  const applied = new Map(
    (yield* allApplied(sql`
      select event_id, sequence::float8 as sequence from ${sql.literal(appliedTable(projection, generation))}
      where ${within}`)).map((record) => [placeOf(record.sequence, record.event_id), record])
  )
  const repeated = new Set(
    (yield* allSequences(sql`
      select sequence::float8 as sequence from repeated
      where name = ${projection.name} and generation = ${generation} and ${within}`))
      .map(({ sequence }) => sequence)
  )
  const { discarded, letters } = yield* setAsideBy(durable, { after, upTo })
  const dead = new Set([...letters, ...discarded])
  const filter = filterOf(projection)
  const counts = { stream: entries.length, ...noCounts }
  const problems: Array<LedgerProblem> = []
  for (const { id, sequence, subject, type } of entries) {
    const claims: ReadonlyArray<Claim> = [
      ...(applied.delete(placeOf(sequence, id)) ? ["applied" as const] : []),
      ...(repeated.has(sequence) ? ["repeated" as const] : []),
      ...(dead.has(sequence) ? ["dead_lettered" as const] : [])
    ]
    const which = accountOf(claims, matches(filter, subject) && projection.types.includes(type), subject)
    counts[which]++
    if (which === "skipped" || which === "double") problems.push({ kind: which, sequence, id })
  }
  for (const { event_id: id, sequence } of applied.values()) {
    problems.push({ kind: "unexplained", sequence, id })
  }
  return { counts, problems }
})

/** A kind of record that accounts for an entry. */
type Claim = "applied" | "repeated" | "dead_lettered"

const noCounts = {
  applied: 0,
  repeated: 0,
  dead_lettered: 0,
  quarantined: 0,
  not_mine: 0,
  skipped: 0,
  double: 0
}

/** Classifies an entry. An event of the projection must have one record, and any other entry must have none. */
const accountOf = (
  claims: ReadonlyArray<Claim>,
  isMine: boolean,
  subject: string
): keyof typeof noCounts => {
  const [claim] = claims
  if (claims.length > 1) return "double"
  if (isMine) return claim ?? "skipped"
  if (claim !== undefined) return "double"
  return subject.startsWith(quarantineSubject("")) ? "quarantined" : "not_mine"
}

const placeOf = (sequence: number, id: string) => `${sequence} ${id}`
