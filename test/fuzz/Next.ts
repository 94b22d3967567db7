import type { Case, Means } from "./Case.ts"
import { authentic, head } from "./Request.ts"

/** The request after a refused one on the same connection: a delivery, or a request that needs no token. */
export interface Next {
  readonly bytes: Uint8Array
  /** The id of the delivered event. */
  readonly id?: string
}

export const nextOf = ({ listener }: Case, means: Means): Next => {
  if (listener === "private") return { bytes: head([], "GET /livez HTTP/1.1") }
  const body = means.ledger.event({ second: true })
  return { bytes: authentic(means, body), id: JSON.parse(body.toString()).id }
}
