import type { Projection } from "./Projection.ts"

type Versioned = Pick<Projection, "name" | "version">

/** Message when a newer version of the program has promoted its version of a projection. */
export const outdated = ({ name, version }: Versioned, live: number) =>
  `version ${live} of ${name} is live, but this process has version ${version}, so it applies no event of ${name}. `
  + "Deploy the newer version of the program"

/** Message when an older version of the program has built the live tables. */
export const due = ({ name, version }: Versioned, live: number) =>
  `The read model ${name} has version ${live}, but this program has version ${version}, so a rebuild is due: `
  + `\`threeqpr projections rebuild ${name}\``
