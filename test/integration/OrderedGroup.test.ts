import { assert, layer } from "@effect/vitest"
import { Effect, Layer } from "effect"
import process from "node:process"
import { redriveSubject } from "../../src/Consumer/Redrives.ts"
import { DeadLetters } from "../../src/DeadLetters.ts"
import { type Consumer, subscribeOrdered } from "../../src/index.ts"
import { Nats } from "../../src/Nats.ts"
import { NatsServer } from "../../src/Nats/Server.ts"
import { consumersOnBroker } from "../support/Log.ts"
import { append } from "../support/Projecting.ts"
import { broker, notReady, ready, until } from "../support/Subscribing.ts"

const happen = (name: string, key: string, type = "ordered.happened") =>
  append(name, JSON.stringify({ id: name, event: type, data: { key } }), type)

const ordered = (options: Omit<Parameters<typeof subscribeOrdered<string>>[0], "servers" | "token">) =>
  Effect.flatMap(broker, (broker) =>
    Effect.acquireRelease(
      Effect.promise(() => subscribeOrdered({ ...broker, ...options })),
      (member) => Effect.promise(member.stop)
    ))

const keyOf = ({ data }: Consumer.ConsumedEvent) => String(Reflect.get(Object(data), "key"))

layer(Layer.effectDiscard(ready).pipe(Layer.provideMerge(consumersOnBroker)), { excludeTestServices: true })(
  "an ordered group",
  (it) => {
    it.effect("hands over to a newcomer only when what has begun is finished", () =>
      Effect.gen(function*() {
        const log: Array<string> = []
        const release = Promise.withResolvers<void>()
        const options = (name: string) => ({
          name: "handover",
          types: ["handover.happened"],
          partitions: 1,
          lease: 2_000,
          key: keyOf,
          handle: async ({ id }: { readonly id: string }) => {
            log.push(`${name} begins ${id}`)
            if (id === "handover_1") await release.promise
            log.push(`${name} ends ${id}`)
          }
        })
        for (const id of ["handover_1", "handover_2"]) yield* happen(id, "same", "handover.happened")
        const first = yield* ordered(options("first"))
        yield* until(() => log.length === 1)
        const second = yield* ordered(options("second"))
        const stopping = first.stop()
        yield* Effect.repeat(Effect.delay(Effect.promise(second.health), "20 millis"), {
          until: ({ ready }) => ready
        })
        yield* Effect.sleep("2500 millis")
        assert.deepStrictEqual(log, ["first begins handover_1"])
        release.resolve()
        yield* Effect.promise(() => stopping)
        yield* until(() => log.length === 4)
        assert.deepStrictEqual(log, [
          "first begins handover_1",
          "first ends handover_1",
          "second begins handover_2",
          "second ends handover_2"
        ])
      }), 60_000)

    it.effect(
      "retries in place: the next event of the key waits, other partitions go on",
      () =>
        Effect.gen(function*() {
          const log: Array<string> = []
          let failures = 0
          for (const id of ["a1", "a2", "b1"]) yield* happen(`retry_${id}`, id.slice(0, 1), "retry.happened")
          yield* ordered({
            name: "retrying",
            types: ["retry.happened"],
            lease: 2_000,
            key: keyOf,
            retry: { delays: [50, 50] },
            onFailure: "block",
            handle: ({ id }) => {
              if (id === "retry_a1" && failures++ < 6) throw new Error("not yet")
              log.push(id)
            }
          })
          yield* until(() => log.length === 3)
          assert.deepStrictEqual(log, ["retry_b1", "retry_a1", "retry_a2"])
        }),
      60_000
    )

    it.effect(
      "keeps aside what fails for good and goes on; a redrive takes its turn",
      () =>
        Effect.gen(function*() {
          const log: Array<string> = []
          let isFixed = false
          for (const id of ["aside_1", "aside_2"]) yield* happen(id, "same", "aside.happened")
          yield* ordered({
            name: "aside",
            types: ["aside.happened"],
            lease: 2_000,
            key: keyOf,
            retry: { delays: [20] },
            handle: ({ id, redriven }) => {
              if (id === "aside_1" && !isFixed) throw new Error("poison")
              log.push(`${id}${redriven ? " redriven" : ""}`)
            }
          })
          yield* until(() => log.length === 1)
          const { list } = yield* DeadLetters
          const [letter] = yield* list({ consumer: "aside" })
          assert.deepInclude(letter, { eventId: "aside_1", error: "poison" })
          isFixed = true
          const { connection } = yield* Nats
          const request = JSON.stringify({ operation: "op", id: letter?.id })
          yield* Effect.promise(() => connection.jetstream().publish(redriveSubject("aside", "op"), request))
          yield* Effect.repeat(Effect.delay(list({ consumer: "aside" }), "20 millis"), {
            until: ({ length }) => length === 0
          })
          assert.deepStrictEqual(log, ["aside_2", "aside_1 redriven"])
        }),
      60_000
    )

    it.effect(
      "begins where it is told, goes on where it was, and keeps its number of partitions",
      () =>
        Effect.gen(function*() {
          const log: Array<string> = []
          const options = {
            name: "begun",
            types: ["begun.happened"],
            partitions: 4,
            lease: 2_000,
            key: keyOf,
            from: "new" as const,
            handle: ({ id }: { readonly id: string }) => void log.push(id)
          }
          yield* happen("begun_1", "k", "begun.happened")
          yield* Effect.scoped(Effect.gen(function*() {
            const { lag } = yield* ordered(options)
            yield* happen("begun_2", "k", "begun.happened")
            yield* until(() => log.length === 1)
            yield* Effect.repeat(Effect.delay(Effect.promise(lag), "50 millis"), {
              until: ({ events }) => events === 0
            })
          }))
          yield* happen("begun_3", "k", "begun.happened")
          yield* ordered(options)
          yield* until(() => log.length === 2)
          assert.deepStrictEqual(log, ["begun_2", "begun_3"])
          const target = yield* broker
          const error = yield* Effect.flip(
            Effect.tryPromise({
              try: () => subscribeOrdered({ ...target, ...options, partitions: 8 }),
              catch: String
            })
          )
          assert.match(error, /begun has 4 partitions for good, and 8 are asked for/)
        }),
      60_000
    )

    it.effect("goes on by itself after the broker was away", () =>
      Effect.gen(function*() {
        const log: Array<string> = []
        const { health } = yield* ordered({
          name: "outage",
          types: ["outage.happened"],
          lease: 2_000,
          key: keyOf,
          handle: ({ id }) => void log.push(id)
        })
        yield* happen("outage_1", "k", "outage.happened")
        yield* until(() => log.length === 1)
        const { pid } = yield* NatsServer
        process.kill((yield* pid) ?? 0, "SIGKILL")
        yield* notReady
        yield* ready
        yield* happen("outage_2", "k", "outage.happened")
        yield* until(() => log.includes("outage_2"))
        yield* Effect.repeat(Effect.delay(Effect.promise(health), "20 millis"), {
          until: ({ ready }) => ready
        })
        assert.deepStrictEqual([...new Set(log)], ["outage_1", "outage_2"])
      }), 60_000)
  }
)
