// Runs: broker

import { assert, layer } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { headers, type Msg } from "nats"
import { headerOf, textOf } from "../../../src/Nats/Header.ts"
import { Nats } from "../../../src/Nats/Nats.ts"
import * as Broker from "../../support/Broker.ts"
import { nats } from "../../support/Log.ts"

const names = ["ce-id", "ce-type", "Nats-Msg-Id", "3qpr-received-at", "absent"]

/** Publishes a message with these headers, and returns the received message. */
const received = Effect.fnUntraced(
  function*(subject: string, body: string, ...lines: ReadonlyArray<readonly [string, string]>) {
    const { connection } = yield* Nats
    const subscription = connection.subscribe(subject, { max: 1 })
    const sent = headers()
    for (const [name, value] of lines) sent.append(name, value)
    connection.publish(subject, body, { reply: "answers.here", ...(lines.length > 0 && { headers: sent }) })
    return yield* Effect.promise(async () => {
      for await (const msg of subscription) return msg as Msg
      throw new Error("nothing came")
    })
  }
)

layer(nats.pipe(Layer.provide(Broker.layer)), { excludeTestServices: true })(
  "the header of a message",
  (it) => {
    it.effect("is read in place, with the same values that the client's parser returns", () =>
      Effect.gen(function*() {
        const own: ReadonlyArray<readonly [string, string]> = [
          ["Nats-Msg-Id", "evt_1"],
          ["ce-id", "  evt_1 "],
          ["ce-id", "another"],
          ["x-ce-type", "no"],
          ["ce-type", "scan.created"],
          ["3qpr-received-at", ""],
          ["note", "é: ✓ NATS/1.0"]
        ]
        for (const body of ["", "{}", "x".repeat(300_000)]) {
          const msg = yield* received("header.whole", body, ...own)
          assert.match(textOf(msg) ?? "", /^NATS\/1\.0\r\n[^]*\r\n\r\n$/, `${body.length} bytes of body`)
          const value = headerOf(msg)
          for (const name of names) assert.strictEqual(value(name), msg.headers?.get(name), name)
          assert.strictEqual(value("ce-id"), "evt_1")
        }
      }))

    it.effect("is read by the client when its position is unknown", () =>
      Effect.gen(function*() {
        const msg = yield* received("header.wörld", "{}", ["ce-id", "evt_2"])
        assert.isUndefined(textOf(msg))
        assert.strictEqual(headerOf(msg)("ce-id"), "evt_2")
        const plain = yield* received("header.none", "{}")
        assert.isUndefined(textOf(plain))
        assert.strictEqual(headerOf(plain)("ce-id"), "")
      }))
  }
)
