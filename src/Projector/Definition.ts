import type { Projection } from "./Projection.ts"

type Defined = Pick<Projection, "name" | "revision" | "types" | "version">

/** The definition that a generation follows, as stored in the registry. */
export interface Ruling {
  /** Version of the projection in the program that claimed it. The tables can still be those of an older one. */
  readonly claimed_version: number
  readonly revision: number
  /** Sorted; null when a version of the program that stored no types installed the generation. */
  readonly types: ReadonlyArray<string> | null
}

export const revisionOf = ({ revision = 1 }: Pick<Projection, "revision">) => revision

/** Positive when the definition of this process is newer than the one that a generation follows. */
export const aheadOf = (projection: Defined, { claimed_version, revision }: Omit<Ruling, "types">) =>
  projection.version - claimed_version || revisionOf(projection) - revision

/** The event types of a projection, as JSON for the registry. */
export const typesOf = ({ types }: Pick<Projection, "types">) => JSON.stringify(types.toSorted())

/** Whether a generation applies the event types of this process. */
export const follows = (projection: Pick<Projection, "types">, { types }: Pick<Ruling, "types">) =>
  types === null || JSON.stringify(types) === typesOf(projection)

/** A projection with the event types that its generation applies. */
export const asRuled = <P extends Pick<Projection, "types">>(
  projection: P,
  { types }: Pick<Ruling, "types">
): P => ({
  ...projection,
  types: types ?? projection.types
})

/**
 * Whether the definition of this process has to replace the one that a live generation follows. Of two definitions
 * with the same revision, the one whose process started last rules.
 */
export const claims = (
  projection: Defined,
  live: Ruling & { readonly version: number },
  isStarting: boolean
) => {
  const ahead = aheadOf(projection, live)
  if (live.version > projection.version) return false
  return live.types === null || ahead > 0 || (ahead === 0 && isStarting && !follows(projection, live))
}

/** Why this process applies no event of a projection: its definition is not the one that a generation follows. */
export const standsAside = (projection: Defined, live: Ruling) => {
  const { name, types, version } = projection
  const ahead = aheadOf(projection, live)
  if (follows(projection, live) || live.types === null || ahead > 0) return undefined
  const differs = `${name} applies ${live.types.join(", ")} (version ${live.claimed_version}, revision `
    + `${live.revision}). This process defines it with ${types.join(", ")} (version ${version}, revision `
    + `${revisionOf(projection)}), so it applies no event of ${name}. `
  return ahead === 0
    ? `${differs}Increase the revision, or the version, in the newer definition and deploy it`
    : `${differs}Deploy the newer version of the program. To go back to the older one, stop the newer projectors and `
      + `run \`threeqpr projections rebuild ${name}\``
}

/** Why events of some types of this process are not applied: the projectors run an older version of the program. */
export const awaitsProjectors = (projection: Defined, live: Ruling) => {
  const absent = projection.types.filter((type) => live.types?.includes(type) === false)
  return absent.length === 0 || aheadOf(projection, live) <= 0
    ? undefined
    : `the projectors run an older version of the program, which does not apply ${absent.join(", ")} to `
      + `${projection.name}. Deploy the newer version on them`
}
