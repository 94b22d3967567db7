import { Effect } from "effect"
import { Buffer } from "node:buffer"
import type { Undecodable } from "../../Domain/Decode.ts"
import type { ScanRecord } from "./Account.ts"
import { type IdOf, pick } from "./Draws.ts"

/** A signed body that is not an event. */
export interface Malformed {
  readonly type: string
  readonly data: object
  readonly id: string | null
  readonly quarantined: Undecodable
  readonly bytes: Uint8Array
}

/** A body that 3QPR might sign by mistake, and why a receiver cannot use it. */
export const malformed = Effect.fnUntraced(
  function*(idOf: IdOf, scan: ScanRecord): Effect.fn.Return<Malformed> {
    const id = yield* idOf("evt")
    const type = "scan.created"
    const envelope = { id, event: type, data: scan }
    const kind = yield* pick([
      "cut off",
      "no id",
      "id with spaces",
      "time in words",
      "a day that does not exist"
    ])
    switch (kind) {
      case "cut off": {
        const bytes = Buffer.from(JSON.stringify(envelope).slice(0, -20))
        return { type, data: {}, id: null, quarantined: "invalid_json", bytes }
      }
      case "no id":
        return unusable({ event: type, data: scan }, null, "invalid_envelope")
      case "id with spaces":
        return unusable({ ...envelope, id: `event ${id}` }, null, "invalid_envelope")
      case "time in words":
        return unusable({ ...envelope, data: { ...scan, scanned_at: "yesterday" } }, id, "invalid_data")
      default:
        return unusable(
          { ...envelope, data: { ...scan, scanned_at: "2026-02-30T10:00:00Z" } },
          id,
          "invalid_data"
        )
    }
  }
)

const unusable = (
  envelope: { readonly id?: string; readonly event: string; readonly data: object },
  id: string | null,
  quarantined: "invalid_envelope" | "invalid_data"
): Malformed => ({
  type: envelope.event,
  data: envelope.data,
  id,
  quarantined,
  bytes: Buffer.from(JSON.stringify(envelope))
})
