// Runs: broker

import { assert, describe } from "@effect/vitest"
import { Effect, Layer, Redacted } from "effect"
import { Consumers } from "../../../src/Consumer/Consumer.ts"
import { subscribe } from "../../../src/Consumer/Subscribe.ts"
import { DeadLetters } from "../../../src/EventLog/DeadLetters.ts"
import { EventLog } from "../../../src/EventLog/EventLog.ts"
import * as JetStream from "../../../src/EventLog/JetStream.ts"
import { redriveSubject } from "../../../src/EventLog/Names.ts"
import { Consumer, subscribeOrdered } from "../../../src/index.ts"
import { Nats } from "../../../src/Nats/Nats.ts"
import { lettersOf } from "../../support/Letters.ts"
import { test } from "../../support/Live.ts"
import { topology } from "../../support/Log.ts"
import { consumerPermissions, groupPermissions } from "../../support/NatsPermissions.ts"
import * as NatsProcess from "../../support/NatsProcess.ts"
import { append } from "../../support/Projecting.ts"
import { scoped, until } from "../../support/Subscribing.ts"
import { poll } from "../../support/Until.ts"

/** The permissions that `docs/security/nats-permissions.md` lists for a consumer. */
const { consuming, "dead letters": deadLetters, redrives } = consumerPermissions("narrow")

/** A broker with one user without restrictions, and one who may publish only to these subjects. */
const brokerFor = Effect.fnUntraced(function*(publish: ReadonlyArray<string>) {
  const broker = yield* NatsProcess.start({}, {
    authorization: {
      users: [
        { user: "all", password: "all" },
        { user: "narrow", password: "narrow", permissions: { publish, subscribe: ["_INBOX.>"] } }
      ]
    }
  })
  const target = { servers: [broker.url], user: "all", password: Redacted.make("all") }
  const log = Consumers.layer.pipe(
    Layer.provideMerge(DeadLetters.layer),
    Layer.provideMerge(JetStream.layer(topology)),
    Layer.provideMerge(Nats.layer(target))
  )
  const everything = yield* Layer.build(log)
  const within = <A, E>(effect: Effect.Effect<A, E, Layer.Success<typeof log>>) =>
    Effect.provideContext(effect, everything)
  yield* within(
    Effect.flatMap(
      EventLog,
      ({ health }) => poll(health, ({ ready }) => ready)
    )
  )
  return { within, options: { servers: broker.url, user: "narrow", password: "narrow", name: "narrow" } }
})

describe("a consumer with narrow permissions", () => {
  test(
    "consumes, and retries an event that it may not dead-letter",
    Effect.gen(function*() {
      const { options, within } = yield* brokerFor(consuming)
      const seen: Array<string> = []
      yield* scoped(() =>
        subscribe({
          ...options,
          types: ["scan.created"],
          handle: ({ id }) => {
            seen.push(id)
            return id === "bad" ? Consumer.deadLetter("bad") : Consumer.ack
          }
        })
      )
      for (const id of ["bad", "good"]) {
        yield* within(append(id, JSON.stringify({ id, event: "scan.created", data: { id } })))
      }
      yield* until(() => seen.includes("good") && seen.filter((id) => id === "bad").length >= 2)
      assert.lengthOf(seen.filter((id) => id === "good"), 1)
    })
  )

  test(
    "keeps dead letters and accepts redrives with the permissions that the docs list",
    Effect.gen(function*() {
      const { options, within } = yield* brokerFor([...consuming, ...deadLetters, ...redrives])
      let isFixed = false
      const done: Array<string> = []
      yield* scoped(() =>
        subscribe({
          ...options,
          types: ["scan.created"],
          handle: ({ id }) => {
            if (!isFixed) return Consumer.deadLetter("bad")
            done.push(id)
            return Consumer.ack
          }
        })
      )
      yield* within(append("bad", `{"id":"bad","event":"scan.created","data":{"id":"bad"}}`))
      const letters = lettersOf({ consumer: "narrow" })
      const [letter] = yield* within(
        poll(letters, ({ length }) => length === 1)
      )
      isFixed = true
      const request = JSON.stringify({ operation: "op", id: letter?.id })
      const { connection } = yield* within(Nats)
      yield* Effect.promise(() => connection.jetstream().publish(redriveSubject("narrow", "op"), request))
      yield* within(
        poll(letters, ({ length }) => length === 0)
      )
      assert.deepStrictEqual(done, ["bad"])
    })
  )

  test(
    "works as an ordered group with the permissions that the docs list for groups",
    Effect.gen(function*() {
      const { options, within } = yield* brokerFor(groupPermissions)
      const done: Array<string> = []
      const member = yield* Effect.acquireRelease(
        Effect.promise(() =>
          subscribeOrdered({
            ...options,
            types: ["scan.created"],
            lease: 2_000,
            key: ({ data }) => data.id,
            handle: ({ id }) => void done.push(id)
          })
        ),
        ({ stop }) => Effect.promise(stop)
      )
      yield* within(append("good", `{"id":"good","event":"scan.created","data":{"id":"scan"}}`))
      yield* until(() => done.length === 1)
      yield* poll(Effect.promise(member.lag), ({ events }) => events === 0)
      yield* Effect.promise(member.stop)
    })
  )

  test(
    "fails with the missing permission when it may not use its durable consumer",
    Effect.gen(function*() {
      const { options } = yield* brokerFor(["nothing"])
      const error = yield* Effect.flip(
        Effect.tryPromise({ try: () => subscribe({ ...options, handle: () => undefined }), catch: String })
      )
      assert.match(
        error,
        /narrow of 3QPR_EVENTS cannot be read, created or deleted: .*Permissions Violation/i
      )
    })
  )
})
