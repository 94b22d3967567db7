import { Effect } from "effect"
import { freePort as free } from "../../src/Nats/Server/Port.ts"

/**
 * A port that is free now, for a server that has to come back to it. It lies below the ports that the system gives to
 * other servers and clients of the tests: one of them could else take it while that server starts or is away.
 */
export const freePort = (): Promise<number> => Effect.runPromise(free)
