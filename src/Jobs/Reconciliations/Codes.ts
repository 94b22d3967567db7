import { Effect, Schema, Stream } from "effect"
import { SqlClient } from "effect/sql/SqlClient"
import { allRows } from "../../Database/Rows.ts"
import { storable } from "../../Domain/ExactJson.ts"
import { listedCode } from "../../Domain/QprCode.ts"
import type { Reconciliation } from "../../Domain/Reconciliation.ts"
import { fromStored } from "../../Domain/StoredText.ts"
import { DeadLetters } from "../../EventLog/DeadLetters.ts"
import { ThreeQpr } from "../../Provider/ThreeQpr.ts"
import { forgottenCodes } from "../Erasure/Reminder.ts"
import { type CodeCandidate, codeListed, judgeCode } from "./Candidate.ts"
import { caughtUp } from "./Missing.ts"
import { countCodes, find } from "./Registry.ts"
import { store } from "./Store.ts"

/** Number of codes that are compared at a time. */
const pageSize = 200

/** Maximum number of unusable codes that are named in the log line. */
const mostNamed = 3

/**
 * Reads 3QPR's list of codes once, and appends each code that is not in the read model or differs from it. 3QPR sends
 * no event for a code that is created or changed in its portal. If the pass is repeated after an interruption, it
 * appends nothing twice.
 */
export const passCodes = Effect.fn("Reconciliations.codes")(function*<E, R>(
  { dry_run, id, qpr_code_id }: Reconciliation,
  /** Completes at once while this process holds the reconciliation. Otherwise it never completes. */
  ours: Effect.Effect<void, E, R>
) {
  const threeQpr = yield* ThreeQpr
  const before = (yield* find(id))?.codes_appended ?? 0
  const counts = { seen: 0, outdated: before, appended: before, unusable: 0 }
  const named: Array<string> = []
  const noteUnusable = (code: string | null, reason: string) => {
    counts.unusable++
    if (named.length < mostNamed) named.push(`${code ?? "no id"} (${reason})`)
  }
  yield* threeQpr.codes().pipe(
    Stream.map(judgeCode),
    Stream.filter((code) => qpr_code_id === null || code.id === qpr_code_id),
    Stream.grouped(pageSize),
    Stream.runForEach(Effect.fnUntraced(function*(codes) {
      yield* ours
      counts.seen += codes.length
      for (const code of codes) if (code._tag === "Unusable") noteUnusable(code.id, code.reason)
      for (
        const { code, event, isDead } of yield* outdated(codes.filter((code) => code._tag !== "Unusable"))
      ) {
        if (isDead) noteUnusable(code.id, "it is a dead letter already")
        else if (dry_run) counts.outdated++
        else if (yield* store(event, listedCode, id)) {
          counts.outdated++
          counts.appended++
          yield* countCodes(id, counts)
        } else noteUnusable(code.id, "larger than the log accepts")
      }
      yield* countCodes(id, counts)
    }))
  )
  if (counts.unusable > 0) {
    yield* Effect.logWarning(
      `reconciliation ${id}: ${counts.unusable} of 3QPR's codes cannot be used, such as ${named.join(", ")}`
    )
  }
})

/** The codes that differ from the read model, without erased codes. */
const outdated = Effect.fnUntraced(function*(candidates: ReadonlyArray<CodeCandidate>) {
  if ((yield* different(candidates)).length === 0) return []
  // The log may hold changes that are not in the rows yet.
  const durable = yield* caughtUp("qpr_codes")
  const found = yield* different(candidates)
  const deadLetters = yield* DeadLetters
  const forgotten = yield* forgottenCodes(found.map(({ id }) => id))
  return yield* Effect.forEach(
    found.flatMap(({ id, sequence, state }) => {
      const code = candidates.find((candidate) => candidate.id === id)
      return code === undefined || forgotten.has(id)
        ? []
        : [{ code, event: codeListed(code, state, sequence) }]
    }),
    ({ code, event }) =>
      Effect.map(deadLetters.of({ eventId: event.id }), (letters) => ({
        code,
        event,
        isDead: letters.some(({ consumer }) => consumer === durable)
      })),
    { concurrency: 8 }
  )
})

const Difference = Schema.Struct({
  id: Schema.String,
  /** Sequence of the entry that the row was made from. 0 without a row. */
  sequence: Schema.Finite,
  /** The compared fields, as Postgres writes them. */
  state: Schema.String
})

const allDifferences = allRows(Difference)

/**
 * The compared fields of a code. A code also has the number of its scans, which is left out because every scan
 * changes it.
 */
const stateOf = (data: string) =>
  `jsonb_build_object(${
    ["name", "short_id", "scan_url", "template", "status"].map((name) => `'${name}', ${data}->'${name}'`)
      .join(", ")
  }, 'metadata', coalesce(nullif(${data}->'metadata', 'null'), '{}'))`

const different = Effect.fnUntraced(function*(candidates: ReadonlyArray<CodeCandidate>) {
  if (candidates.length === 0) return []
  const sql = yield* SqlClient
  const rows = `[${
    candidates.map(({ id, text }) => storable(`{"id":${JSON.stringify(id)},"data":${text}}`)).join()
  }]`
  const found = yield* allDifferences(sql`
    select listed.id, coalesce(code.sequence, 0)::float8 as sequence,
      (${sql.literal(stateOf("listed.data"))})::text as state
    from jsonb_to_recordset(${rows}::text::jsonb) as listed (id text, data jsonb)
      left join qpr_codes as code on code.id = listed.id
    where code.id is null or ${sql.literal(stateOf("listed.data"))} <> ${sql.literal(stateOf("code.data"))}`)
  return found.map((row) => ({ ...row, id: fromStored(row.id) }))
})
