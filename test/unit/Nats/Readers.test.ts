import { assert, it } from "@effect/vitest"
import { ProtocolHandler } from "nats/lib/nats-base-client/protocol.js"
import { setTransportFactory } from "nats/lib/nats-base-client/transport.js"
import { readNewestOnly } from "../../../src/Nats/Readers.ts"

/** A connection that yields one chunk at once, and another after `letCome`. */
const connection = () => {
  const { promise: late, resolve: letCome } = Promise.withResolvers<void>()
  return {
    letCome,
    discard: () => undefined,
    closed: () => late,
    [Symbol.asyncIterator]: async function*() {
      yield "first"
      await late
      yield "late"
    }
  }
}

it("the client reads nothing more of a connection that was given up", async () => {
  readNewestOnly()
  setTransportFactory({ factory: connection } as never)
  const client = Object.assign(Object.create(ProtocolHandler.prototype), {
    outbound: { reset: () => undefined },
    pongs: [],
    isClosed: () => true,
    _close: () => undefined
  })
  const dial = () => {
    client.prepare()
    const { transport } = client as { readonly transport: ReturnType<typeof connection> }
    return { transport, read: transport[Symbol.asyncIterator]() }
  }
  const old = dial()
  assert.strictEqual((await old.read.next()).value, "first")
  const next = dial()
  old.transport.letCome()
  assert.deepStrictEqual(await old.read.next(), { done: true, value: undefined })
  assert.strictEqual((await next.read.next()).value, "first")
  next.transport.letCome()
  assert.strictEqual((await next.read.next()).value, "late")
})
