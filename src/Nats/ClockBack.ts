import { ProtocolHandler } from "nats/lib/nats-base-client/protocol.js"

/**
 * Lets a client reconnect after the wall clock was set back. nats 2.29.3 does not try a server again until the wall
 * clock is past its last attempt. If the clock is set back by an hour, the client would try no server for an hour.
 */
export const reconnectAfterClockBack = (): void => {
  if (patched) return
  patched = true
  // The types declare this method private.
  const selectServer = Reflect.get(ProtocolHandler.prototype, "selectServer")
  Reflect.set(ProtocolHandler.prototype, "selectServer", function(this: ProtocolHandler) {
    const server = selectServer.call(this)
    if (server !== undefined && server.lastConnect > Date.now()) server.lastConnect = 0
    return server
  })
}

let patched = false
