import { Socket } from "node:net"

/**
 * On Deno a socket that the NATS client has destroyed can still emit `ECONNRESET`, to no listener, which
 * would end the process: when a broker refuses our credentials, also on a reconnect. Seen with Deno 2.9.6
 * and nats 2.29.3. Node emits nothing after `destroy`.
 */
export const ignoreErrorsAfterDestroy = (): void => {
  if (!("Deno" in globalThis) || patched) return
  patched = true
  const destroy = Socket.prototype.destroy
  Socket.prototype.destroy = function(this: Socket, ...args: Parameters<typeof destroy>) {
    this.on("error", () => undefined)
    return destroy.apply(this, args)
  }
}

let patched = false
