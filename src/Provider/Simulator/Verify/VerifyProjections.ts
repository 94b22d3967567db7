import { Clock, Effect } from "effect"
import type { ConsumerAnswer } from "../../../Admin/Api/Status.ts"
import { AdminClient } from "../../../Admin/Client.ts"

/** How long the projections may make no progress before the wait for them ends, in milliseconds. */
export const patience = 15_000

/**
 * Waits until the projections have finished these sequences, by event type, or have made no progress for 15 seconds.
 * Returns a description of the result.
 */
export const caughtUp = Effect.fnUntraced(function*(lastSequences: ReadonlyMap<string, number>) {
  const client = yield* AdminClient
  let before = ""
  let moved = yield* Clock.currentTimeMillis
  while (true) {
    const { consumers } = yield* client.consumers.list()
    const behind = projections.flatMap(({ prefix, type }) => {
      const last = lastSequences.get(type)
      return last === undefined ? [] : waitingFor(prefix, last, consumers)
    })
    if (behind.length === 0) return "caught up"
    const progress = JSON.stringify(
      consumers.map(({ finished_to, lag, name }) => [name, lag, finished_to])
    )
    const now = yield* Clock.currentTimeMillis
    if (progress !== before) [before, moved] = [progress, now]
    if (now - moved >= patience) return `gave up waiting for ${behind.join(" and ")}`
    yield* Effect.sleep(250)
  }
})

const projections = [
  { prefix: "scans-", type: "scan.created" },
  { prefix: "conversations-", type: "conversation.completed" }
]

const waitingFor = (prefix: string, last: number, consumers: ReadonlyArray<ConsumerAnswer>) => {
  const ours = consumers.filter(({ name }) => name.startsWith(prefix))
  if (ours.length === 0) return [`a consumer ${prefix}…, which does not exist`]
  return ours.filter(({ finished_to, lag }) => lag > 0 && finished_to < last)
    .map(({ lag, name }) => `${name}, which has a lag of ${lag}`)
}
