import { Effect } from "effect"
import { freePort as free } from "../../src/Nats/Server/Port.ts"

/**
 * A free port for a server that must return to it. It lies below the ports that the system assigns to other servers
 * and clients of the tests. Otherwise one of them could take it while that server is starting or down.
 */
export const freePort = (): Promise<number> => Effect.runPromise(free)
