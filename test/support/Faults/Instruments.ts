import { Effect } from "effect"
import { type Answer, send } from "../Http.ts"
import type { Part } from "./System.ts"

/** How one instrument of the system reports on read models. */
export interface Instrument {
  readonly name: string
  /** Whether it reports that this read model differs from the log, or that it cannot tell. */
  readonly isRed: (projection: string) => boolean
  /** The kinds of differences that it must report. */
  readonly tells: ReadonlyArray<Kind>
}

/** How a read model differs from the log: it lacks an event, has it twice, or has one that the log does not hold. */
export type Kind = "skipped" | "twice" | "unexplained"

/** The processes of a system that report its state. */
export interface Speaking {
  readonly projectors: ReadonlyArray<Part>
  /** A process with the private listener. */
  readonly admin: Part
}

/** Reads all instruments for the differing projections. */
export type Read = (projections: ReadonlyArray<string>) => Effect.Effect<ReadonlyArray<Instrument>>

/**
 * The instruments: readiness of each projector, `/v1/projections`, the data and conclusion of `threeqpr status`,
 * metrics, and the ledger. `threeqpr projections verify` also runs for differences that last.
 */
export const instruments = ({ admin, projectors }: Speaking): Read => {
  const verify = verification(admin)
  return Effect.fnUntraced(function*(projections) {
    // Always called, so that ended differences are removed from its state.
    const verified = yield* verify(projections)
    if (projections.length === 0) return []
    const running = projectors.filter(({ now }) => now() !== undefined)
    const listing = yield* Effect.cached(asked(admin, "/v1/projections"))
    const readings = [
      ...running.map((part) =>
        Effect.map(
          asked(part, "/readyz"),
          (answer) => instrument(`/readyz of ${part.admin}`, counted, () => answer?.status !== 200)
        )
      ),
      Effect.map(listing, listed),
      Effect.zipWith(asked(admin, "/v1/status"), listing, concluded, { concurrent: true }),
      Effect.map(asked(admin, "/metrics"), measured),
      Effect.map(
        Effect.filter(projections, (projection) => hasProblems(admin, projection)),
        (red) =>
          instrument(
            "the ledger",
            ["skipped", "twice", "unexplained"],
            (projection) => red.includes(projection)
          )
      )
    ]
    return [verified, ...yield* Effect.all(readings, { concurrency: "unbounded" })]
  })
}

const asked = (
  { admin }: Pick<Part, "admin">,
  path: string,
  init?: RequestInit
): Effect.Effect<Answer | undefined> =>
  send(`${admin}${path}`, init).pipe(
    Effect.timeout("20 seconds"),
    Effect.sandbox,
    Effect.catch(() => Effect.succeed(undefined))
  )

const instrument = (
  name: string,
  tells: Instrument["tells"],
  isRed: Instrument["isRed"]
): Instrument => ({ name, tells, isRed })

const counted: Instrument["tells"] = ["skipped", "unexplained"]

const projectionsIn = (answer: Answer) => {
  const { projections }: {
    readonly projections: ReadonlyArray<{
      readonly name: string
      readonly fault: string | null
      readonly completeness: { readonly missing: number; readonly unexplained: number }
    }>
  } = JSON.parse(JSON.stringify(answer.body))
  return projections
}

/**
 * Red under the conditions for which `threeqpr status` exits 1: the process is not ready, or a read model has a
 * fault.
 */
export const concluded = (status: Answer | undefined, listing: Answer | undefined): Instrument => {
  const name = "threeqpr status"
  const { ready }: { readonly ready?: boolean } = JSON.parse(JSON.stringify(status?.body ?? {}))
  if (status?.status !== 200 || ready !== true || listing?.status !== 200) {
    return instrument(name, counted, () => true)
  }
  const red = projectionsIn(listing).filter(({ fault }) => fault !== null)
  return instrument(name, counted, (projection) => red.some(({ name }) => name === projection))
}

const listed = (answer: Answer | undefined): Instrument => {
  const name = "/v1/projections"
  if (answer?.status !== 200) return instrument(name, counted, () => true)
  const projections = projectionsIn(answer)
  const red = projections.filter(({ completeness: { missing, unexplained }, fault }) =>
    fault !== null || missing + unexplained > 0
  )
  return instrument(name, counted, (projection) => red.some(({ name }) => name === projection))
}

const measured = (answer: Answer | undefined): Instrument => {
  const name = "/metrics"
  const text = answer?.status === 200 ? String(answer.body) : ""
  if (!/^threeqpr_state_readable 1$/m.test(text)) return instrument(name, counted, () => true)
  const red = [...text.matchAll(
    /^threeqpr_projection_(?:faulty|missing_events|unexplained_events)\{projection="(\w+)"\} [1-9]/gm
  )].map(([, projection]) => projection)
  return instrument(name, counted, (projection) => red.includes(projection))
}

/** Whether the ledger of `threeqpr projections verify --ledger` has a problem, or cannot be read. */
const hasProblems = Effect.fnUntraced(function*(admin: Part, projection: string) {
  for (let after = 0;;) {
    const answer = yield* asked(admin, `/v1/projections/${projection}/ledger?after=${after}`)
    if (answer?.status !== 200) return true
    const { cursor, more, problems }: {
      readonly cursor: number
      readonly more: boolean
      readonly problems: ReadonlyArray<unknown>
    } = JSON.parse(JSON.stringify(answer.body))
    if (problems.length > 0 || !more) return problems.length > 0
    after = cursor
  }
})

/** Milliseconds that a difference must last before it is verified. Most repairs are complete by then. */
const verifyAfter = 12_000

/** The state of the verification of a differing read model. */
interface Verified {
  readonly since: number
  /** The id of the running verification. */
  readonly id?: number | undefined
  /** Whether the last verification that began during the difference found both sides equal. */
  readonly isEqual: boolean
}

/**
 * `threeqpr projections verify` builds a read model again, so it runs only for differences that last. The instrument
 * is red until a verification that began during the difference has found both sides equal.
 */
export const verification = (admin: Pick<Part, "admin">, now: () => number = () => performance.now()) => {
  const known = new Map<string, Verified>()
  const look = Effect.fnUntraced(function*(projection: string) {
    const before = known.get(projection) ?? { since: now(), isEqual: false }
    const ended = before.id === undefined ? undefined : yield* endOf(admin, projection, before.id)
    const isEqual = ended?.isEqual ?? before.isEqual
    const goesOn = before.id !== undefined && ended === undefined
    const id = goesOn
      ? before.id
      : now() - before.since < verifyAfter
      ? undefined
      : yield* begun(admin, projection)
    known.set(projection, { ...before, id, isEqual })
  })
  return Effect.fnUntraced(function*(projections: ReadonlyArray<string>) {
    for (const name of known.keys()) if (!projections.includes(name)) known.delete(name)
    yield* Effect.forEach(projections, look, { discard: true })
    return instrument(
      "threeqpr projections verify",
      counted,
      (projection) => known.get(projection)?.isEqual !== true
    )
  })
}

/** Begins a verification. Returns undefined when it is refused, for example during a rebuild. */
const begun = (admin: Pick<Part, "admin">, projection: string) =>
  Effect.map(
    asked(admin, `/v1/projections/${projection}/rebuild`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ verify: true, by: "the witness" })
    }),
    (answer) => {
      const { id }: { readonly id?: number } = JSON.parse(JSON.stringify(answer?.body ?? {}))
      return answer?.status === 202 ? id : undefined
    }
  )

/** Whether a verification found both sides equal. Returns undefined while it runs. */
const endOf = (admin: Pick<Part, "admin">, projection: string, id: number) =>
  Effect.map(asked(admin, `/v1/projections/${projection}/rebuilds/${id}`), (answer) => {
    if (answer?.status !== 200) return { isEqual: false }
    const { result, state }: {
      readonly state: string
      readonly result: { readonly tables?: Readonly<Record<string, { readonly equal: boolean }>> } | null
    } = JSON.parse(JSON.stringify(answer.body))
    if (state === "running" || state === "comparing") return undefined
    const tables = Object.values(result?.tables ?? {})
    return { isEqual: state === "compared" && tables.length > 0 && tables.every(({ equal }) => equal) }
  })
