// Runs: broker

import { assert, layer } from "@effect/vitest"
import { Duration, Effect, Layer } from "effect"
import process from "node:process"
import { open } from "../../../src/Consumer/OrderedGroup/GroupStore.ts"
import { redriveSubject } from "../../../src/EventLog/Names.ts"
import { type Consumer, subscribeOrdered } from "../../../src/index.ts"
import { Nats } from "../../../src/Nats/Nats.ts"
import { NatsServer } from "../../../src/Nats/Server.ts"
import { lettersOf } from "../../support/Letters.ts"
import { consumersOnBroker } from "../../support/Log.ts"
import { append } from "../../support/Projecting.ts"
import { broker, notReady, ready, until } from "../../support/Subscribing.ts"
import { poll } from "../../support/Until.ts"

const happen = (name: string, key: string, type = "ordered.happened") =>
  append(name, JSON.stringify({ id: name, event: type, data: { key } }), type)

const ordered = (options: Omit<Parameters<typeof subscribeOrdered<string>>[0], "servers" | "token">) =>
  Effect.flatMap(broker, (broker) =>
    Effect.acquireRelease(
      Effect.promise(() => subscribeOrdered({ ...broker, ...options })),
      (member) => Effect.promise(member.stop)
    ))

const keyOf = ({ data }: Consumer.ConsumedEvent) => String(Reflect.get(Object(data), "key"))

/** Reads and writes the keys of a group in the store. */
const groupKeys = Effect.fnUntraced(function*(group: string) {
  const { connection } = yield* Nats
  const subject = (key: string) => `$KV.3QPR_GROUPS.${group}.${key}`
  const manager = yield* Effect.promise(() => connection.jetstreamManager())
  yield* open(yield* Nats, manager, group)
  return {
    put: (key: string, value: unknown) => connection.jetstream().publish(subject(key), JSON.stringify(value)),
    read: async (key: string) =>
      (await manager.streams.getMessage("KV_3QPR_GROUPS", { last_by_subj: subject(key) })).json<object>(),
    purge: (key: string) => manager.streams.purge("KV_3QPR_GROUPS", { filter: subject(key) }),
    remove: () => manager.streams.delete("KV_3QPR_GROUPS")
  }
})

/**
 * Waits until a member is not ready for a reason. Before the broker answers, the only known reason is the missing
 * answer.
 */
const untilNotReady = (
  health: () => Promise<{ readonly ready: boolean; readonly reason?: string }>,
  expected: RegExp
) => poll(Effect.promise(health), ({ ready, reason = "" }) => !ready && expected.test(reason))

layer(Layer.effectDiscard(ready).pipe(Layer.provideMerge(consumersOnBroker)), { excludeTestServices: true })(
  "an ordered group",
  (it) => {
    it.effect("hands a partition over after the running handler ends", () =>
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
        yield* poll(Effect.promise(second.health), ({ ready }) => ready)
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
      "retries in place: the next event of the key waits, other partitions continue",
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
              // Fails until the other partition has continued, and more often than there are delays.
              if (id === "retry_a1" && (failures++ < 6 || !log.includes("retry_b1"))) {
                throw new Error("not yet")
              }
              log.push(id)
            }
          })
          yield* until(() => log.length === 3)
          assert.deepStrictEqual(log, ["retry_b1", "retry_a1", "retry_a2"])
        }),
      60_000
    )

    it.effect(
      "dead-letters an event that fails permanently and continues; a redrive waits its turn",
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
          const [letter] = yield* lettersOf({ consumer: "aside" })
          assert.deepInclude(letter, { eventId: "aside_1", error: "poison" })
          isFixed = true
          const { connection } = yield* Nats
          const request = JSON.stringify({ operation: "op", id: letter?.id })
          yield* Effect.promise(() => connection.jetstream().publish(redriveSubject("aside", "op"), request))
          yield* poll(lettersOf({ consumer: "aside" }), ({ length }) => length === 0)
          assert.deepStrictEqual(log, ["aside_2", "aside_1 redriven"])
        }),
      60_000
    )

    it.effect(
      "starts at the configured position, continues where it stopped, and keeps its number of partitions",
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
            // Returns a number, as an untyped client may do: a number is no outcome.
            handle: ({ id }: { readonly id: string }) => JSON.parse(String(log.push(id)))
          }
          yield* happen("begun_1", "k", "begun.happened")
          yield* Effect.scoped(Effect.gen(function*() {
            const { lag } = yield* ordered(options)
            yield* happen("begun_2", "k", "begun.happened")
            yield* until(() => log.length === 1)
            yield* poll(Effect.promise(lag), ({ events }) => events === 0)
          }))
          yield* happen("begun_3", "k", "begun.happened")
          yield* ordered(options)
          yield* until(() => log.length === 2)
          assert.deepStrictEqual(log, ["begun_2", "begun_3"])
          const target = yield* broker
          const refusals = [
            [{ partitions: 8 }, /begun has 4 partitions permanently, but this member asks for 8/],
            [
              { types: ["begun.happened", "more"] },
              /begun consumes the types begun.happened, but this member asks for .*, more\./
            ],
            [
              { types: undefined },
              /begun consumes the types begun.happened, but this member asks for all types/
            ],
            [{ key: undefined }, /key is undefined; allowed is a function that returns an event's key/],
            [{ handle: undefined }, /handle is undefined; allowed is a function/],
            [{ name: undefined }, /name is undefined; allowed is 1 to 64 letters/]
          ] as const
          for (const [option, expected] of refusals) {
            const joining = () =>
              Reflect.apply(subscribeOrdered, undefined, [{ ...target, ...options, ...option }])
            assert.match(yield* Effect.flip(Effect.tryPromise({ try: joining, catch: String })), expected)
          }
        }),
      60_000
    )

    it.effect("refuses a member whose key function assigns an event to another partition", () =>
      Effect.gen(function*() {
        const target = yield* broker
        const options = {
          ...target,
          name: "keyed",
          types: ["scan.created" as const],
          handle: () => undefined
        }
        yield* ordered({ ...options, key: ({ data }) => String(Reflect.get(Object(data), "qpr_code_id")) })
        const joining = () => subscribeOrdered({ ...options, key: ({ data }) => data.id })
        const error = yield* Effect.flip(Effect.tryPromise({ try: joining, catch: String }))
        assert.match(error, /key function of the group keyed returns another key for scan.created/)
        const later = async () => "key"
        const asking = () => Reflect.apply(subscribeOrdered, undefined, [{ ...options, key: later }])
        const refusal = yield* Effect.flip(Effect.tryPromise({ try: asking, catch: String }))
        assert.match(refusal, /key function returns an object or a promise; it must return text/)
        // The same keys from a function with other source text.
        yield* ordered({ ...options, key: (event) => Object(event.data).qpr_code_id ?? "" })
      }))

    it.effect("adopts the types of its first member when an earlier version stored none", () =>
      Effect.gen(function*() {
        const { connection } = yield* Nats
        const target = yield* broker
        const { put, read } = yield* groupKeys("adopted")
        yield* Effect.promise(() => put("config", { partitions: 2, after: 0 }))
        const options = { ...target, name: "adopted", key: keyOf, handle: () => undefined }
        yield* ordered({ ...options, types: ["b.happened", "a.happened"] })
        assert.isFalse(connection.isClosed())
        assert.deepInclude(yield* Effect.promise(() => read("config")), {
          partitions: 2,
          after: 0,
          types: ["a.happened", "b.happened"]
        })
        const joining = () => subscribeOrdered({ ...options, types: ["a.happened"] })
        const error = yield* Effect.flip(Effect.tryPromise({ try: joining, catch: String }))
        assert.match(
          error,
          /adopted consumes the types a.happened, b.happened, but this member asks for the types a.happened/
        )
      }))

    it.effect("starts nothing without its configuration, reports why, and refuses a member that would guess it", () =>
      Effect.gen(function*() {
        const log: Array<string> = []
        const options = {
          name: "purged",
          types: ["purged.happened"],
          partitions: 4,
          lease: 1_000,
          key: keyOf,
          handle: ({ id }: { readonly id: string }) => void log.push(id)
        }
        const { health } = yield* ordered(options)
        yield* happen("purged_1", "k", "purged.happened")
        yield* until(() => log.length === 1)
        const { purge } = yield* groupKeys("purged")
        yield* Effect.promise(() => purge("config"))
        yield* untilNotReady(health, /configuration was purged from the bucket 3QPR_GROUPS/)
        yield* happen("purged_2", "k", "purged.happened")
        const target = yield* broker
        const joining = () => subscribeOrdered({ ...target, ...options, partitions: 2 })
        const error = yield* Effect.flip(Effect.tryPromise({ try: joining, catch: String }))
        assert.match(error, /purged has partitions but no configuration/)
        assert.deepStrictEqual(log, ["purged_1"])
      }))

    it.effect("handles a redrive while the partition has a backlog", () =>
      Effect.gen(function*() {
        const log: Array<string> = []
        let isFixed = false
        const names = Array.from({ length: 400 }, (_, index) => `loaded_${index}`)
        yield* Effect.forEach(names, (id) => happen(id, "same", "loaded.happened"), { concurrency: 50 })
        yield* ordered({
          name: "loaded",
          types: ["loaded.happened"],
          lease: 2_000,
          key: keyOf,
          retry: { delays: [] },
          handle: async ({ id, redriven }) => {
            await new Promise((resolve) => setTimeout(resolve, 20))
            if (log.length === 0 && !isFixed) {
              isFixed = true
              throw new Error("poison")
            }
            log.push(`${id}${redriven ? " redriven" : ""}`)
          }
        })
        const [letter] = yield* poll(lettersOf({ consumer: "loaded" }), ({ length }) => length === 1)
        const { connection } = yield* Nats
        const request = JSON.stringify({ operation: "op", id: letter?.id })
        yield* Effect.promise(() => connection.jetstream().publish(redriveSubject("loaded", "op"), request))
        yield* until(() => log.some((line) => line.endsWith("redriven")))
        assert.isBelow(log.length, 350)
      }), 60_000)

    it.effect("continues without intervention after an outage of the broker", () =>
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
        yield* poll(Effect.promise(health), ({ ready }) => ready)
        assert.deepStrictEqual([...new Set(log)], ["outage_1", "outage_2"])
      }), 60_000)

    // Runs last, because it deletes the store of every group.
    it.effect("handles no event after the bucket of all groups is deleted or created again, reports why, and stops", () =>
      Effect.gen(function*() {
        const log: Array<string> = []
        const stopping = yield* ordered({
          name: "stopping",
          types: ["stopping.happened"],
          lease: 1_000,
          stopWithin: 20_000,
          key: keyOf,
          handle: () => undefined
        })
        yield* poll(Effect.promise(stopping.partitions), ({ length }) => length > 0)
        const { health, stop } = yield* ordered({
          name: "bucketless",
          types: ["bucketless.happened"],
          lease: 1_000,
          key: keyOf,
          handle: ({ id }) => void log.push(id)
        })
        yield* happen("bucketless_1", "k", "bucketless.happened")
        yield* until(() => log.length === 1)
        const { remove } = yield* groupKeys("bucketless")
        yield* Effect.promise(remove)
        yield* untilNotReady(health, /the bucket 3QPR_GROUPS of all ordered groups is missing/)
        // Nothing can be released, so the stop does not wait for a release.
        const [took] = yield* Effect.timed(Effect.promise(stopping.stop))
        assert.isBelow(Duration.toMillis(took), 10_000)
        yield* groupKeys("bucketless")
        yield* happen("bucketless_2", "k", "bucketless.happened")
        yield* untilNotReady(health, /is not the one that this member joined/)
        yield* Effect.promise(stop)
        assert.deepStrictEqual(log, ["bucketless_1"])
      }))
  }
)
