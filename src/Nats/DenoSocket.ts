import { Socket } from "node:net"
import tls from "node:tls"

/**
 * On Deno, a socket of the NATS client can emit an error without a listener, which would end the process. This
 * happens after `destroy` when a broker refuses our credentials, also on a reconnect. It also happens after the TLS
 * handshake when a broker asks for a certificate that we do not have. The client then has no listeners for a moment.
 * It receives the cause with the `close` event. Observed with Deno 2.9.6 and nats 2.29.3, never on Node.
 */
export const ignoreErrorsOfNobody = (): void => {
  if (!("Deno" in globalThis) || patched) return
  patched = true
  const destroy = Socket.prototype.destroy
  Socket.prototype.destroy = function(this: Socket, ...args: Parameters<typeof destroy>) {
    this.on("error", ignore)
    return destroy.apply(this, args)
  }
  const connect = tls.connect as (...args: ReadonlyArray<unknown>) => tls.TLSSocket
  tls.connect = (...args: ReadonlyArray<unknown>) => {
    const socket = connect(...args)
    const remove = socket.removeAllListeners
    socket.removeAllListeners = (...names) => remove.apply(socket, names).on("error", ignore)
    return socket
  }
}

const ignore = () => undefined

let patched = false
