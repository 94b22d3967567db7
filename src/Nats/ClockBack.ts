import { ProtocolHandler } from "nats/lib/nats-base-client/protocol.js"

/**
 * Lets a client reconnect after the wall clock was set back. nats 2.29.3 waits between two attempts at a server until
 * the wall clock is past the last one. When the clock is set back by an hour, it would try no server for an hour.
 */
export const reconnectAfterClockBack = (): void => {
  if (patched) return
  patched = true
  // The types call it private.
  const selectServer = Reflect.get(ProtocolHandler.prototype, "selectServer")
  Reflect.set(ProtocolHandler.prototype, "selectServer", function(this: ProtocolHandler) {
    const server = selectServer.call(this)
    if (server !== undefined && server.lastConnect > Date.now()) server.lastConnect = 0
    return server
  })
}

let patched = false
