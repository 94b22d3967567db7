import { Effect, type Scope } from "effect"
import { connect } from "nats"
import * as NatsProcess from "../NatsProcess.ts"
import { freePort } from "../Port.ts"
import * as Proxy from "../Proxy.ts"
import { until } from "../Until.ts"

/** Three servers with a network of their own between them; clients reach each one past it. */
export interface Cluster {
  readonly members: ReadonlyArray<NatsProcess.NatsProcess>
  /** All of them, as `NATS_URL` takes it. */
  readonly url: string
  /** Who leads a stream, as those say who are not `but`. */
  readonly leaderOf: (stream: string, but?: NatsProcess.NatsProcess) => Effect.Effect<NatsProcess.NatsProcess>
  /** Waits until every replica of a stream is there and has everything. */
  readonly level: (stream: string) => Effect.Effect<void>
  /** Nothing passes between one and the others, whose connections stay open; its clients still reach it. */
  readonly isolate: (member: NatsProcess.NatsProcess) => Effect.Effect<void>
  /** All passes again, with what was held back. */
  readonly join: Effect.Effect<void>
}

/** Starts one, until the scope ends; who leads is not decided yet. */
export const make: Effect.Effect<Cluster, never, Scope.Scope> = Effect.gen(function*() {
  const indexes = [0, 1, 2]
  const ports = yield* Effect.forEach(indexes, () => Effect.promise(freePort))
  /** Each connection from one to another goes through a proxy of its own. */
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
        // What it tells others of itself leads nowhere: they would go past the proxies.
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
