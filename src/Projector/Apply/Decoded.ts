import type { Delivered } from "../../EventLog/Delivered.ts"

/** An event that the projection can apply: its body is JSON that fits its type's schema. */
export interface Decoded {
  readonly event: Delivered
  /** The signed JSON unchanged, so that the row keeps every number and unknown field. */
  readonly json: string
}
