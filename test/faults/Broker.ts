import { Effect } from "effect"
import { connect, type JetStreamManager } from "nats"
import { between, type Fault, type Target } from "./Fault.ts"

/** Faults of the broker, and of the network in front of it. */
export const brokerFaults: ReadonlyArray<Fault> = [
  {
    name: "broker killed",
    row: 1,
    kind: "broker",
    happen: ({ broker }, draw) =>
      broker.signal("SIGKILL").pipe(
        Effect.andThen(between(draw, 0, 30)),
        Effect.ensuring(broker.start)
      )
  },
  {
    name: "broker restarted",
    row: 2,
    kind: "broker",
    happen: ({ broker }) => Effect.ensuring(broker.signal("SIGTERM"), broker.start)
  },
  {
    name: "broker paused",
    row: 4,
    kind: "broker",
    happen: ({ broker }, draw) =>
      broker.signal("SIGSTOP").pipe(
        Effect.andThen(between(draw, 2, 20)),
        Effect.ensuring(broker.signal("SIGCONT"))
      )
  },
  {
    name: "broker unreachable",
    row: 6,
    kind: "broker",
    happen: ({ brokerNetwork }, draw) =>
      brokerNetwork.pause.pipe(
        Effect.andThen(between(draw, 1, 20)),
        Effect.ensuring(brokerNetwork.resume)
      )
  },
  {
    name: "broker connections reset",
    row: 6,
    kind: "broker",
    happen: ({ brokerNetwork }) => brokerNetwork.reset
  },
  {
    name: "broker unheard",
    row: 6,
    kind: "broker",
    happen: ({ brokerNetwork }, draw) =>
      brokerNetwork.deafen.pipe(
        Effect.andThen(between(draw, 1, 15)),
        Effect.ensuring(Effect.andThen(brokerNetwork.reset, brokerNetwork.resume))
      )
  },
  {
    name: "broker slow, with resets",
    row: 7,
    kind: "broker",
    happen: ({ brokerNetwork }, draw) =>
      brokerNetwork.delay(50 + draw() * 450).pipe(
        Effect.andThen(Effect.delay(brokerNetwork.resetOne, "1 second").pipe(Effect.repeat({ times: 7 }))),
        Effect.ensuring(brokerNetwork.delay(0))
      )
  },
  {
    name: "broker very slow",
    row: 7,
    kind: "broker",
    happen: ({ brokerNetwork }, draw) =>
      brokerNetwork.delay(1_000 + draw() * 3_000).pipe(
        Effect.andThen(between(draw, 5, 15)),
        Effect.ensuring(brokerNetwork.delay(0))
      )
  },
  {
    name: "broker refuses our token",
    row: 3,
    kind: "broker",
    happen: ({ broker }, draw) =>
      broker.reload({ authorization: { token: "another_token" } }).pipe(
        Effect.andThen(between(draw, 1, 15)),
        Effect.ensuring(broker.reload({}))
      )
  },
  {
    name: "durable consumer deleted",
    row: 10,
    kind: "broker",
    happen: ({ broker }) => ofDurables(broker, isLive, deleteDurable)
  },
  {
    name: "durable consumer delivers twice at most",
    row: 10,
    kind: "broker",
    happen: ({ broker }) =>
      ofDurables(
        broker,
        isLive,
        (consumers, name) => consumers.update("3QPR_EVENTS", name, { max_deliver: 2 })
      )
  },
  {
    name: "durable consumer reads another subject",
    row: 10,
    kind: "broker",
    happen: ({ broker }) =>
      ofDurables(
        broker,
        isLive,
        (consumers, name) =>
          consumers.update("3QPR_EVENTS", name, { filter_subject: "3qpr.events.menu.opened" })
      )
  }
]

const isLive = (name: string) => /^(scans|conversations)-\d+$/.test(name)

type Change = (consumers: JetStreamManager["consumers"], name: string) => Promise<unknown>

export const deleteDurable: Change = (consumers, name) => consumers.delete("3QPR_EVENTS", name)

/** Changes every durable consumer whose name matches. */
export const ofDurables = (broker: Target["broker"], fits: (name: string) => boolean, change: Change) =>
  Effect.tryPromise(async () => {
    const connection = await connect({ servers: broker.url, token: broker.token })
    try {
      const manager = await connection.jetstreamManager({ checkAPI: false })
      for await (const { name } of manager.consumers.list("3QPR_EVENTS")) {
        if (fits(name)) await change(manager.consumers, name)
      }
    } finally {
      await connection.close()
    }
  }).pipe(Effect.retry({ times: 20 }), Effect.orDie)
