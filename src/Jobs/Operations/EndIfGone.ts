import { Effect } from "effect"
import { SqlClient } from "effect/sql/SqlClient"
import type { JetStreamManager } from "nats"
import { endRedrives } from "../../Consumer/EndRedrives.ts"
import { redriveStream, stream } from "../../EventLog/Names.ts"
import { reading } from "../../EventLog/Reader.ts"
import { JetStreamCode, unless } from "../../Nats/JetStreamCode.ts"
import { replaced } from "../../Projector/Rebuild/DropGeneration.ts"
import { isWanted } from "../../Projector/Registry.ts"

/**
 * Ends the pending redrives for the consumer of a generation that is neither live nor being built, if that consumer
 * no longer exists. Any other consumer can be started again, so its redrives stay pending.
 */
export const endIfGone = Effect.fnUntraced(function*(manager: JetStreamManager, consumer: string) {
  const sql = yield* SqlClient
  const [, name = "", generation = ""] = /^(.+)-(\d{1,9})(?:-[0-9a-f]{8})?$/.exec(consumer) ?? []
  const ours = yield* sql`select 1 from projections where name = ${name}`
  if (ours.length === 0 || (yield* isWanted(name, Number(generation)))) return
  const found = yield* Effect.forEach(
    [stream, redriveStream],
    (name) =>
      reading(() => manager.consumers.info(name, consumer).catch(unless(JetStreamCode.consumerNotFound)))
  )
  if (found.some((info) => info !== undefined)) return
  yield* endRedrives(manager, consumer, replaced(name, Number(generation)))
})
