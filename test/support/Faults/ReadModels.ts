import { Effect } from "effect"
import { SqlClient } from "effect/sql/SqlClient"
import { Buffer } from "node:buffer"
import { isDeepStrictEqual } from "node:util"
import type { Projection } from "../../../src/Projector/Projection.ts"
import { projections } from "../../../src/Projector/Projections.ts"
import type { StoredEntry } from "./Stored.ts"

/** The outcomes of the stream's entries in one projection. */
export interface Account {
  readonly name: string
  /** Sequences of its types that are neither applied nor dead-lettered. */
  readonly skipped: ReadonlyArray<number>
  /** Sequences that the projection has both applied and dead-lettered. */
  readonly twice: ReadonlyArray<number>
  /** Descriptions of applied events that the stream does not hold. */
  readonly unexplained: ReadonlyArray<string>
  readonly applied: ReadonlyArray<StoredEntry>
  readonly repeated: number
  readonly dead: number
  /** Number of erased events whose entries still exist: rows are erased first. */
  readonly erased: number
}

/** The account of one projection, and the problems of its tables. */
export interface Standing extends Omit<Account, "applied" | "unexplained"> {
  readonly applied: number
  /** Differences between rows or counters and a recomputation from the stream. */
  readonly problems: ReadonlyArray<string>
}

/** The live generation of a projection, and its durable consumer. */
export interface Generation {
  readonly generation: number
  readonly durable: string
}

/** Compares every projection with an independent recomputation from the whole stream. */
export const readModels = Effect.fnUntraced(
  function*(stream: ReadonlyArray<StoredEntry>, dead: ReadonlySet<string>) {
    const sql = yield* SqlClient
    const standings: Array<Standing> = []
    for (const projection of projections) {
      const { name } = projection
      const live = yield* liveOf(name)
      const record = yield* appliedOf(name, live)
      const { applied, unexplained, ...account } = accountOf(projection, live, record, stream, dead)
      const rows = yield* sql<Row>`
        select id, event_id, sequence::float8 as sequence, data from ${
        sql.literal(`${name}_${live.generation}`)
      }`
      const expected = winners(applied)
      const problems = [...unexplained, ...differences(name, expected, rows)]
      if (name === "scans") problems.push(...yield* counters([...expected.values()], live.generation))
      standings.push({ ...account, applied: applied.length, problems })
    }
    return standings
  }
)

/** The live generation of a projection, as the database records it. */
export const liveOf = Effect.fnUntraced(function*(name: string) {
  const sql = yield* SqlClient
  const [registered] = yield* sql<{ readonly generation: number; readonly durable: string | null }>`
    select generation, (select durable from places where places.name = projections.name
      and places.generation = projections.generation) as durable
    from projections where name = ${name}`
  const generation = registered?.generation ?? 1
  return { generation, durable: registered?.durable ?? `${name}-${generation}` } satisfies Generation
})

/** The applied events that a generation records. */
export const appliedOf = Effect.fnUntraced(function*(name: string, { generation }: Generation) {
  const sql = yield* SqlClient
  return yield* sql<Applied>`
    select event_id, sequence::float8 as sequence from ${sql.literal(`${name}_applied_${generation}`)}`
})

/**
 * Compares the applied events and the dead letters with the entries up to a sequence. The stream must be read after
 * the record: each applied event must be in it, even after that sequence.
 */
export const accountOf = (
  { name, types }: Pick<Projection, "name" | "types">,
  { durable }: Generation,
  applied: ReadonlyArray<Applied>,
  stream: ReadonlyArray<StoredEntry>,
  dead: ReadonlySet<string>,
  upTo = Infinity
): Account => {
  const mine = stream.filter(({ headers, subject }) =>
    subject.startsWith("3qpr.events.") && types.includes(headers["ce-type"] ?? "")
  )
  const isDead = (sequence: number) => dead.has(`${durable}:${sequence}`)
  return { name, ...sort(mine, applied, isDead, upTo) }
}

export interface Applied {
  readonly event_id: string
  /** Negative after the event was erased. */
  readonly sequence: number
}

interface Row extends Applied {
  readonly id: string
  readonly data: unknown
}

interface Expected extends Applied {
  readonly id: string
  readonly data: Readonly<Record<string, unknown>>
}

const sort = (
  mine: ReadonlyArray<StoredEntry>,
  applied: ReadonlyArray<Applied>,
  isDead: (sequence: number) => boolean,
  upTo: number
) => {
  const sequences = new Map(applied.map(({ event_id, sequence }) => [event_id, sequence]))
  const skipped: Array<number> = []
  const twice: Array<number> = []
  const found: Array<StoredEntry> = []
  const done = new Set<string>()
  let [repeated, dead, erased] = [0, 0, 0]
  const there = new Map(mine.map(({ headers, sequence }) => [sequence, headers["ce-id"]]))
  for (const entry of mine) {
    if (entry.sequence > upTo) continue
    const id = entry.headers["ce-id"] ?? ""
    const at = sequences.get(id)
    if (isDead(entry.sequence)) {
      dead++
      if (at === entry.sequence) twice.push(entry.sequence)
    } else if (at === entry.sequence) {
      found.push(entry)
      done.add(id)
      sequences.delete(id)
    } else if (at !== undefined && at < 0) erased++
    else if (at !== undefined || done.has(id)) repeated++
    else skipped.push(entry.sequence)
  }
  const unexplained = applied.filter(({ event_id, sequence }) =>
    sequence > 0 && there.get(sequence) !== event_id
  )
    .map(({ event_id, sequence }) => `applied ${event_id} at ${sequence}, which the stream has not`)
  return { skipped, twice, unexplained, applied: found, repeated, dead, erased }
}

/** The event that decides each row: the last one in the stream. */
const winners = (entries: ReadonlyArray<StoredEntry>) => {
  const rows = new Map<string, Expected>()
  for (const { body, headers, sequence } of entries) {
    const { data } = JSON.parse(Buffer.from(body).toString())
    const id = String(data.id)
    rows.set(id, { id, event_id: headers["ce-id"] ?? "", sequence, data })
  }
  return rows
}

const differences = (name: string, expected: ReadonlyMap<string, Expected>, rows: ReadonlyArray<Row>) => {
  const found = new Map(rows.map((row) => [row.id, row]))
  const missing = [...expected.keys()].filter((id) => !found.has(id))
  return [
    ...missing.map((id) => `${name}: no row ${id}`),
    ...rows.flatMap((row) => {
      const wanted = expected.get(row.id)
      if (wanted === undefined) return [`${name}: a row ${row.id} that no event made`]
      return wanted.event_id === row.event_id && wanted.sequence === row.sequence
          && isDeepStrictEqual(wanted.data, row.data)
        ? []
        : [
          `${name}: row ${row.id} is of ${row.event_id} at ${row.sequence}, not ${wanted.event_id} at ${wanted.sequence}`
        ]
    })
  ]
}

const counters = Effect.fnUntraced(function*(scans: ReadonlyArray<Expected>, generation: number) {
  const sql = yield* SqlClient
  const rows = yield* sql<{ readonly key: string; readonly scans: number }>`
    select concat_ws('|', qpr_code_id, to_char(day at time zone 'UTC', 'YYYY-MM-DD'), country, device)
      as key, scans::float8 as scans
    from ${sql.literal(`scan_days_${generation}`)}`
  const expected = new Map<string, number>()
  for (const { data } of scans) {
    const day = String(data["scanned_at"]).slice(0, 10)
    const key = [data["qpr_code_id"], day, data["country"], data["device"]].join("|")
    expected.set(key, (expected.get(key) ?? 0) + 1)
  }
  const found = new Map(rows.map(({ key, scans }) => [key, scans]))
  return [...new Set([...expected.keys(), ...found.keys()])].flatMap((key) =>
    expected.get(key) === found.get(key)
      ? []
      : [`scan_days: ${key} is ${found.get(key) ?? "missing"}, not ${expected.get(key) ?? "there"}`]
  )
})
