import type { Case, Means } from "./Case.ts"
import { authentic, head } from "./Request.ts"

/** What follows a refused request on its connection: a delivery, or a question that needs no token. */
export interface Next {
  readonly bytes: Uint8Array
  /** Of the event that it delivers. */
  readonly id?: string
}

export const nextOf = ({ listener }: Case, means: Means): Next => {
  if (listener === "private") return { bytes: head([], "GET /livez HTTP/1.1") }
  const body = means.ledger.event({ second: true })
  return { bytes: authentic(means, body), id: JSON.parse(body.toString()).id }
}
