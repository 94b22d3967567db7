import { Effect } from "effect"
import { type Answer, send } from "../Http.ts"
import type { Part } from "./System.ts"

/** What one instrument of the system says about read models. */
export interface Instrument {
  readonly name: string
  /** Whether it says that this read model is not what the log says, or cannot tell. */
  readonly isRed: (projection: string) => boolean
  /** Which kinds of differences it has to tell. */
  readonly tells: ReadonlyArray<Kind>
}

/** How a read model differs from the log: it lacks an event, has it twice, or has one that the log does not hold. */
export type Kind = "skipped" | "twice" | "unexplained"

/** The processes of a system that say how it is. */
export interface Speaking {
  readonly projectors: ReadonlyArray<Part>
  /** A process with the private listener. */
  readonly admin: Part
}

/** Reads them all: readiness of each projector, `/v1/projections` (as `threeqpr status` does), the ledger, metrics. */
export const instruments = Effect.fnUntraced(
  function*({ admin, projectors }: Speaking, projections: ReadonlyArray<string>) {
    const running = projectors.filter(({ now }) => now() !== undefined)
    const readings = [
      ...running.map((part) =>
        Effect.map(
          asked(part, "/readyz"),
          (answer) => instrument(`/readyz of ${part.admin}`, ["skipped"], () => answer?.status !== 200)
        )
      ),
      Effect.map(asked(admin, "/v1/projections"), listed),
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
    return yield* Effect.all(readings, { concurrency: "unbounded" })
  }
)

const asked = ({ admin }: Part, path: string): Effect.Effect<Answer | undefined> =>
  send(`${admin}${path}`).pipe(
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

const listed = (answer: Answer | undefined): Instrument => {
  const name = "/v1/projections"
  if (answer?.status !== 200) return instrument(name, counted, () => true)
  const { projections }: {
    readonly projections: ReadonlyArray<{
      readonly name: string
      readonly fault: string | null
      readonly completeness: { readonly missing: number; readonly unexplained: number }
    }>
  } = JSON.parse(JSON.stringify(answer.body))
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

/** Whether the account of each entry, which `threeqpr projections verify --ledger` shows, has a problem or fails. */
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
