import { ProtocolHandler } from "nats/lib/nats-base-client/protocol.js"

/**
 * Lets only the newest connection of a client be read. In nats 2.29.3 the reader of a connection that was given
 * up feeds the parser of the next one when more bytes of it come. The parser then breaks off and prints what it was
 * reading, payload included. The new connection stays unread until the pings notice. Seen on Deno
 * 2.9.6 when a broker comes back.
 */
export const readNewestOnly = (): void => {
  if (patched) return
  patched = true
  // The types call it private.
  const prepare = Reflect.get(ProtocolHandler.prototype, "prepare")
  Reflect.set(ProtocolHandler.prototype, "prepare", function(this: ProtocolHandler) {
    const pong = prepare.call(this)
    const { transport } = this
    const chunks = transport[Symbol.asyncIterator].bind(transport)
    const isNewest = () => this.transport === transport
    transport[Symbol.asyncIterator] = async function*() {
      for await (const chunk of { [Symbol.asyncIterator]: chunks }) {
        if (!isNewest()) return
        yield chunk
      }
    }
    return pong
  })
}

let patched = false
