import { Effect } from "effect"
import { between, type Fault, oneOf, type Target } from "./Fault.ts"

const stream = "3QPR_EVENTS"

/** The servers that the checker does not read, without the leader of the log. */
const followers = Effect.fnUntraced(function*({ cluster }: Target) {
  if (cluster === undefined) return []
  const leader = yield* cluster.leaderOf(stream)
  return cluster.members.slice(1).filter((member) => member !== leader)
})

const level = ({ cluster }: Target) => cluster?.level(stream) ?? Effect.void

/** Faults of a cluster of three brokers. */
export const clusterFaults: ReadonlyArray<Fault> = [
  {
    name: "follower emptied",
    row: 1,
    kind: "broker",
    happen: (target, draw) =>
      Effect.gen(function*() {
        for (const follower of oneOf(draw, yield* followers(target))) {
          yield* follower.signal("SIGKILL")
          yield* Effect.ensuring(follower.wipe, follower.start)
          // It catches up while everything reads.
          yield* between(draw, 2, 10)
        }
        yield* level(target)
      })
  },
  {
    name: "server of the cluster killed",
    row: 1,
    kind: "broker",
    happen: (target, draw) =>
      Effect.forEach(oneOf(draw, target.cluster?.members ?? []), (member) =>
        member.signal("SIGKILL").pipe(
          Effect.andThen(between(draw, 0, 20)),
          Effect.ensuring(member.start),
          Effect.andThen(level(target))
        ), { discard: true })
  },
  {
    name: "leader isolated",
    row: 6,
    kind: "broker",
    happen: (target, draw) =>
      Effect.gen(function*() {
        const { cluster } = target
        if (cluster === undefined) return
        yield* cluster.isolate(yield* cluster.leaderOf(stream))
        yield* Effect.ensuring(between(draw, 3, 15), cluster.join)
        yield* level(target)
      })
  }
]
