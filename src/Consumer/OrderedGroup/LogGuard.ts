import { Effect } from "effect"
import type { JetStreamManager } from "nats"
import { idOf } from "../../EventLog/Delivered.ts"
import type { LoggedEntry, ReadFailed } from "../../EventLog/EventLog.ts"
import { stream } from "../../EventLog/Names.ts"
import { type Reader, reading } from "../../EventLog/Reader.ts"
import { olderLogRemedy } from "../OlderLog.ts"
import { farAway } from "./Agreement.ts"
import type { Anchor, GroupStore } from "./GroupStore.ts"

/** The state of the log, as far as the credentials permit to read it. */
export interface LogNow {
  /** When the stream was created; undefined without permission to read this. */
  readonly created: string | undefined
  /** The last sequence; 0 when nothing was ever stored. */
  readonly last: number
  /** The event at the anchor's sequence; undefined when it is gone. */
  readonly idAtAnchor: string | undefined
}

/** Why a group's checkpoints do not belong to the current log; undefined when they can. */
export const strangenessOf = (
  anchor: Anchor | undefined,
  checkpoint: number,
  log: LogNow
): string | undefined => {
  if (anchor?.created !== undefined && log.created !== undefined && anchor.created !== log.created) {
    return `the event log (its stream was created ${log.created}) is not the one that this group has read (created `
      + `${anchor.created}). ${olderLogRemedy}`
  }
  const known = Math.max(anchor?.sequence ?? 0, checkpoint)
  if (log.last < known) {
    return `the event log ends at sequence ${log.last}, but this group has read it up to ${known}: the stream was `
      + `restored from an older copy, or it is another stream. ${olderLogRemedy}`
  }
  if (log.idAtAnchor !== undefined && log.idAtAnchor !== anchor?.id) {
    return `the event log has the event ${log.idAtAnchor} at sequence ${anchor?.sequence}, but this group has read `
      + `${anchor?.id} there: the stream was restored from an older copy and has grown since. ${olderLogRemedy}`
  }
  return undefined
}

/** Compares the log with what the members of a group have read of it. */
export const logGuard = (store: GroupStore, manager: JetStreamManager, reader: Reader) => {
  let newest: LoggedEntry | undefined
  let strange: string | undefined
  let created: string | undefined
  let remembered: number | undefined

  /** Stores the newest entry that was read, for members that join later. */
  const remember = Effect.suspend(() => {
    const sequence = newest?.sequence ?? 0
    if (strange !== undefined || sequence <= (remembered ?? -1)) return Effect.void
    remembered = sequence
    return store.anchor({
      ...(created !== undefined && { created }),
      sequence,
      id: newest ? idOf(newest) : ""
    })
  })

  return {
    /** Records the newest entry that this member has read. */
    saw: (entry: LoggedEntry | undefined) => {
      if (entry !== undefined && entry.sequence > (newest?.sequence ?? 0)) newest = entry
    },
    /** Why no event may start. A foreign log stays refused until it has the anchor's event again. */
    check: Effect.gen(function*() {
      const { anchor, config, partitions } = yield* store.read
      const log = yield* logNow(manager, reader, anchor)
      const checkpoints = [...partitions.values()].map(({ record }) => record.checkpoint)
      // A group may start after the end of the log, so only what it has read is compared.
      const checkpoint = Math.max(0, ...checkpoints.filter((one) => one > (config?.after ?? 0)))
      const found = strangenessOf(anchor, checkpoint, log)
      const isBack = anchor !== undefined && log.idAtAnchor === anchor.id
      strange = found ?? (isBack ? undefined : strange)
      created = log.created
      remembered = anchor?.sequence
      if (strange === undefined) yield* remember
      return strange
    }),
    remember
  }
}

const logNow = Effect.fnUntraced(function*(
  manager: JetStreamManager,
  { follow, sequenceAt }: Reader,
  anchor: Anchor | undefined
): Effect.fn.Return<LogNow, ReadFailed> {
  // Not every consumer may read the stream's state. The end of the log can be found without it.
  const info = yield* Effect.option(reading(() => manager.streams.info(stream)))
  const created = info._tag === "Some" ? info.value.created : undefined
  const last = info._tag === "Some" ? info.value.state.last_seq : (yield* sequenceAt(farAway)) - 1
  const [entry] = anchor === undefined || anchor.sequence === 0 || last < anchor.sequence
    ? []
    : yield* follow({ after: anchor.sequence - 1, limit: 1 })
  return {
    created,
    last,
    idAtAnchor: entry?.sequence === anchor?.sequence ? entry && idOf(entry) : undefined
  }
})
