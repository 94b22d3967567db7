import { ProtocolHandler } from "nats/lib/nats-base-client/protocol.js"

/**
 * Reads only from the newest connection of a client. In nats 2.29.3, the reader of an abandoned connection still
 * passes later bytes to the parser of the next connection. The parser then fails and prints the data that it was
 * parsing, including the payload. The new connection stays unread until the pings detect it. Observed on Deno 2.9.6
 * when a broker returns.
 */
export const readNewestOnly = (): void => {
  if (patched) return
  patched = true
  // The types declare this method private.
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
