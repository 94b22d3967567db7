import { Data } from "effect"
import { aheadOf, follows, standsAside } from "../Definition.ts"
import type { Look } from "../Place/Look.ts"
import type { Projection } from "../Projection.ts"
import type { Live, Rebuild } from "../Registry.ts"
import { due, outdated } from "../Versions.ts"

/** A generation of the registry and its place in the log; undefined when this process does not check the place. */
export interface Observed<One extends Live | Rebuild> {
  readonly one: One
  readonly look: Look | undefined
}

/** The state of a projection in the registry and in the log. */
export interface Observation {
  readonly projection: Projection
  readonly live: Observed<Live> | undefined
  readonly rebuild: Observed<Rebuild> | undefined
}

/**
 * The running generations, by durable consumer: why each does not advance now, and the reason that the registry
 * shows.
 */
export type Reasons = ReadonlyMap<
  string,
  { readonly reason: string | undefined; readonly noted: string | undefined }
>

export type Decision = Data.TaggedEnum<{
  /** Apply the events of a generation. */
  Start: { readonly projection: Projection; readonly one: Live | Rebuild }
  /** Stop applying the events of a generation. Its events in progress go back to the broker. */
  Stop: { readonly durable: string }
  /** Report why a generation does not match the log; undefined when it does. */
  Report: { readonly one: Live | Rebuild; readonly fault: string | undefined }
  /** Store in the registry why a generation does not advance; undefined when it does. */
  Note: { readonly one: Live | Rebuild; readonly reason: string | undefined }
  /** Do the next step of a rebuild. */
  Advance: { readonly projection: Projection; readonly rebuild: Rebuild; readonly step: Step }
}>
export const Decision = Data.taggedEnum<Decision>()

/** A step of a rebuild: create its tables, complete it when it has caught up, or end it without a result. */
export type Step = "begin" | "complete" | { readonly fail: string }

/**
 * Whether this process checks a generation's place in the log. Skips tables created by a newer version of the
 * program, and generations that follow another definition.
 */
export const isOurs = (projection: Projection, one: Live | Rebuild) =>
  one.version !== null && one.version <= projection.version && follows(projection, one)

/** Decides which generations to run and to stop, what to report, and which rebuilds advance. */
export const plan = (
  observations: ReadonlyArray<Observation>,
  running: Reasons
): ReadonlyArray<Decision> => {
  const restarted = new Set(
    generationsOf(observations).filter(({ look }) => look?.restart === true).map(({ one }) => one.durable)
      .filter((durable) => running.has(durable))
  )
  const wanted = generationsOf(observations).filter(({ look }) => look?.runs === true)
  const isWanted = new Set(wanted.map(({ one }) => one.durable))
  return [
    ...observations.flatMap((observation) => [
      ...reports(observation, running),
      ...advance(observation),
      ...notes(observation, running, restarted)
    ]),
    ...[...running.keys()].filter((durable) => restarted.has(durable) || !isWanted.has(durable))
      .map((durable) => Decision.Stop({ durable })),
    ...wanted.filter(({ one }) => restarted.has(one.durable) || !running.has(one.durable))
      .map(({ one, projection }) => Decision.Start({ projection, one }))
  ]
}

export const observedOf = ({ live, rebuild }: Observation): ReadonlyArray<Observed<Live | Rebuild>> =>
  [live, rebuild].filter((observed) => observed !== undefined)

const generationsOf = (observations: ReadonlyArray<Observation>) =>
  observations.flatMap((observation) =>
    observedOf(observation).map((observed) => ({ ...observed, projection: observation.projection }))
  )

const reports = (observation: Observation, running: Reasons) =>
  observedOf(observation).flatMap(({ look, one }) => {
    const { projection } = observation
    if (one.version === null) return []
    if (one.version > projection.version) {
      return [Decision.Report({ one, fault: outdated(projection, one.version) })]
    }
    const other = standsAside(projection, one)
    if (other !== undefined) return [Decision.Report({ one, fault: other })]
    const reason = one.version < projection.version ? running.get(one.durable)?.reason : undefined
    const waits = reason && `${reason}. ${due(projection, one.version)}`
    return [Decision.Report({ one, fault: look?.fault ?? waits })]
  })

const notes = (observation: Observation, running: Reasons, restarted: ReadonlySet<string>) =>
  observedOf(observation).flatMap(({ one }) => {
    const known = running.get(one.durable)
    const isNews = known !== undefined && known.noted !== known.reason && !restarted.has(one.durable)
    return isNews ? [Decision.Note({ one, reason: known.reason })] : []
  })

const advance = ({ live, projection, rebuild }: Observation) => {
  const step = rebuild && stepOf(projection, rebuild, live?.look)
  return step === undefined || rebuild === undefined
    ? []
    : [Decision.Advance({ projection, rebuild: rebuild.one, step })]
}

/** The next step of a rebuild; undefined when a newer version of the program builds it. */
const stepOf = (
  projection: Projection,
  { look, one }: Observed<Rebuild>,
  live: Look | undefined
): Step | undefined => {
  const acceptsOther = one.accepts_new_log && one.kind === "rebuild"
  const foreign = look?.otherLog ?? (acceptsOther ? undefined : live?.otherLog)
  if (foreign !== undefined) return { fail: foreign }
  if (one.version === null) return "begin"
  if (isOurs(projection, one) && one.version === projection.version) return "complete"
  return aheadOf(projection, one) <= 0 ? undefined : {
    fail: one.version < projection.version
      ? `Version ${one.version} was being built when version ${projection.version} was deployed. `
        + "Start the rebuild again."
      : "An older version of the program was building it when this version was deployed. Start the rebuild again."
  }
}
