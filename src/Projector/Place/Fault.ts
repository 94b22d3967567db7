import { Effect } from "effect"
import { awaitsProjectors, standsAside } from "../Definition.ts"
import type { Projection } from "../Projection.ts"
import type { Live } from "../Registry.ts"
import { outdated } from "../Versions.ts"
import type { Completeness } from "./Completeness.ts"
import { compareLog } from "./LogIdentity.ts"
import { refusal, shortage, surplus } from "./Place.ts"
import { placeOf } from "./Places.ts"

/** Why a live read model does not match the log; undefined when it does. Any process can determine this. */
export const faultOf = Effect.fn("Fault.faultOf")(
  function*(
    projection: Projection,
    live: Live,
    { missing, unexplained }: Pick<Completeness, "missing" | "unexplained">
  ) {
    if (live.version > projection.version) return outdated(projection, live.version)
    const other = standsAside(projection, live) ?? awaitsProjectors(projection, live)
    if (other !== undefined) return other
    const { verdict } = yield* compareLog(live)
    if (verdict._tag === "other") return refusal(live.name, verdict.reason)
    if (unexplained !== null && unexplained > 0) return surplus(live.name, unexplained)
    if (missing === 0) return undefined
    const { replays } = yield* placeOf(live)
    return shortage(live.name, { _tag: replays < 2 ? "replaying" : "lost", missing })
  }
)
