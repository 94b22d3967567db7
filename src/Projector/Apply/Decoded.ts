import type { Delivered } from "../../EventLog/Delivered.ts"

/** An event that the projection can apply: its body is JSON that fits its type's schema. */
export interface Decoded {
  readonly event: Delivered
  /** The signed JSON as it stands, so that no number or unknown field is lost on the way to the row. */
  readonly json: string
}
