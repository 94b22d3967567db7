/** A running `Deno.serve`. */
export interface DenoServer {
  readonly addr: { readonly port: number }
  readonly shutdown: () => Promise<void>
}

type Serve = (
  options: { readonly port: number; readonly hostname: string; readonly onListen: () => void },
  handler: (request: Request) => Promise<Response>
) => DenoServer

/** Read by reflection, because `Deno` has no types when the tests are compiled for Node. */
const serve: unknown = Reflect.get(Object(Reflect.get(globalThis, "Deno")), "serve")

const isServe = (value: unknown): value is Serve => typeof value === "function"

/** Runs a handler in `Deno.serve` on loopback. Port 0 selects a free one. */
export const denoServe = (port: number, handler: (request: Request) => Promise<Response>): DenoServer => {
  if (!isServe(serve)) throw new Error("Deno.serve exists on Deno only")
  return serve({ port, hostname: "127.0.0.1", onListen: () => undefined }, handler)
}
