import type { Projection } from "./Projection.ts"

type Versioned = Pick<Projection, "name" | "version">

/** A newer version of the program has made its version of a projection live. */
export const outdated = ({ name, version }: Versioned, live: number) =>
  `version ${live} of ${name} is live and this process has version ${version}, so it applies no event of ${name}. `
  + "Deploy the newer version of the program"

/** An older version of the program has built the tables that are live. */
export const due = ({ name, version }: Versioned, live: number) =>
  `The read model ${name} has version ${live} and this program has version ${version}, so a rebuild is due: `
  + `\`threeqpr projections rebuild ${name}\``
