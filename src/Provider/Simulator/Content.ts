import { Effect } from "effect"
import type { Undecodable } from "../../Domain/Decode.ts"
import type { CodeRecord, ScanRecord } from "./Account.ts"
import { type IdOf, pick } from "./Draws.ts"
import type { Slot } from "./Layout.ts"
import { malformed } from "./Malformed.ts"
import { codes, conversationOf, createdCode, scanOf, subscriptionOf } from "./World.ts"

/** The content of an event. `bytes` and `id` are set when they are not those of a usable envelope. */
export interface Content {
  readonly type: string
  readonly data: object
  readonly scan?: ScanRecord
  readonly code?: CodeRecord
  readonly bytes?: Uint8Array
  readonly id?: string | null
  readonly quarantined?: Undecodable
}

/** The event of a scan. */
export const scanCreated = (scan: ScanRecord): Content => ({ type: "scan.created", data: scan, scan })

/** The content of the event of any other slot. `scanAt` returns the scan that led to a conversation. */
export const contentOf = Effect.fnUntraced(function*(
  slot: Exclude<Slot, { readonly kind: "scan" }>,
  { idOf, now, scanAt }: {
    readonly idOf: IdOf
    readonly now: number
    readonly scanAt: (index: number) => Effect.Effect<ScanRecord>
  }
): Effect.fn.Return<Content> {
  switch (slot.kind) {
    case "code": {
      const code = createdCode(codes[slot.code] ?? codes[0], now)
      return { type: "qpr_code.created", data: code, code }
    }
    case "conversation":
      return { type: "conversation.completed", data: yield* conversationOf(idOf, yield* scanAt(slot.scan)) }
    case "subscription":
      return {
        type: slot.status === "active" ? "subscription.upgraded" : "subscription.cancelled",
        data: yield* subscriptionOf(idOf, slot.status, now)
      }
    case "unknown": {
      const type = yield* pick(["menu.opened", "menu.closed", "qpr_code.archived", "survey.answered"])
      return { type, data: { id: yield* idOf("obj"), qpr_code_id: (yield* pick(codes)).id } }
    }
    case "malformed":
      return yield* malformed(idOf, yield* scanOf({ idOf, now, started: false }))
  }
})
