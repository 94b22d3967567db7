import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Redacted } from "effect"
import { Nats } from "../../../src/Nats/Nats.ts"
import { NatsServer } from "../../../src/Nats/Server.ts"
import * as Broker from "../../support/Broker.ts"

describe("the connection to NATS", () => {
  it.live("is refused with a wrong token, in a message that names the remedy and not the token", () =>
    Effect.gen(function*() {
      const { url } = yield* NatsServer
      const token = Redacted.make("hunter2")
      const { message } = yield* Effect.flip(Layer.build(Nats.layer({ servers: [url], token, attempts: 3 })))
      assert.include(message, url)
      assert.include(message, "NATS_TOKEN")
      assert.match(message, /authorization/i)
      assert.notInclude(message, "hunter2")
    }).pipe(Effect.provide(Broker.layer), Effect.scoped))

  it.live("names the servers it cannot reach, without the password in their address", () =>
    Effect.gen(function*() {
      const target = { servers: ["nats://me:hunter2@127.0.0.1:1", "127.0.0.1:2"], attempts: 1 }
      const { message } = yield* Effect.flip(Layer.build(Nats.layer(target)))
      assert.include(message, "nats://127.0.0.1:1, nats://127.0.0.1:2")
      assert.include(message, "NATS_URL")
      assert.notInclude(message, "hunter2")
    }).pipe(Effect.scoped))
})
