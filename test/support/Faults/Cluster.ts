import { Effect, type Scope } from "effect"
import { connect } from "nats"
import * as NatsProcess from "../NatsProcess.ts"
import { freePort } from "../Port.ts"
import * as Proxy from "../Proxy.ts"
import { until } from "../Until.ts"

/** Three servers with a proxied network between them. Clients connect to each server directly. */
export interface Cluster {
  readonly members: ReadonlyArray<NatsProcess.NatsProcess>
  /** The URLs of all members, as `NATS_URL` expects them. */
  readonly url: string
  /** The leader of a stream, as the members other than `but` report it. Waits for a leader that is not `but`. */
  readonly leaderOf: (stream: string, but?: NatsProcess.NatsProcess) => Effect.Effect<NatsProcess.NatsProcess>
  /** Waits until every replica of a stream is online and current. */
  readonly level: (stream: string) => Effect.Effect<void>
  /**
   * Blocks all traffic between one member and the others. The connections stay open, and clients still reach the
   * member.
   */
  readonly isolate: (member: NatsProcess.NatsProcess) => Effect.Effect<void>
  /** Lets all traffic pass again, including what was held back. */
  readonly join: Effect.Effect<void>
}

/** Starts a cluster until the scope ends. Its leaders are not elected yet. */
export const make: Effect.Effect<Cluster, never, Scope.Scope> = Effect.gen(function*() {
  const indexes = [0, 1, 2]
  const ports = yield* Effect.forEach(indexes, () => Effect.promise(freePort))
  /** Each route between two members has its own proxy. */
  const links = yield* Effect.forEach(
    indexes.flatMap((from) => indexes.filter((to) => to !== from).map((to) => ({ from, to }))),
    (link) => Effect.map(Proxy.before(ports[link.to] ?? 0), (proxy) => ({ ...link, proxy }))
  )
  const members = yield* Effect.forEach(indexes, (index) =>
    NatsProcess.start({}, {
      server_name: `member-${index}`,
      cluster: {
        name: "of_the_tests",
        listen: `127.0.0.1:${ports[index]}`,
        // The advertised address must lead nowhere: other members would connect to it without the proxies.
        advertise: "127.0.0.1:1",
        routes: links.filter(({ from }) => from === index).map(({ proxy }) =>
          `nats-route://127.0.0.1:${proxy.port}`
        )
      }
    }))
  const infoOf = (stream: string, but?: NatsProcess.NatsProcess) =>
    Effect.tryPromise(async () => {
      const servers = members.filter((member) => member !== but).map(({ url }) => url)
      const connection = await connect({ servers, token: members[0]?.token ?? "", timeout: 2_000 })
      try {
        const manager = await connection.jetstreamManager({ checkAPI: false })
        return (await manager.streams.info(stream)).cluster
      } finally {
        await connection.close()
      }
    }).pipe(Effect.orElseSucceed(() => undefined))
  const leader = (name: string | undefined) => members.find((_, index) => `member-${index}` === name)
  return {
    members,
    url: members.map(({ url }) => url).join(","),
    leaderOf: (stream, but) =>
      until(
        `a leader of ${stream}`,
        Effect.map(infoOf(stream, but), (info) => leader(info?.leader)),
        (found) => found !== undefined && found !== but
      ).pipe(
        Effect.flatMap((found) => found === undefined ? Effect.die("no leader") : Effect.succeed(found))
      ),
    level: (stream) =>
      Effect.asVoid(until(
        `replicas of ${stream}`,
        infoOf(stream),
        (info) =>
          info?.leader !== undefined && info.replicas?.length === 2
          && info.replicas.every(({ current, offline }) => current && offline !== true),
        200_000
      )),
    isolate: (member) =>
      Effect.forEach(
        links.filter(({ from, to }) => members[from] === member || members[to] === member),
        ({ proxy }) => proxy.pause,
        { discard: true }
      ),
    join: Effect.forEach(links, ({ proxy }) => proxy.resume, { discard: true })
  }
})
