import { Effect, Exit, Scope } from "effect"
import { isActive, type Secret } from "../../Domain/Secret.ts"
import { ErasedIds } from "../../EventLog/ErasedIds.ts"
import { AppendFailed, type Entry, type Stored } from "../../EventLog/EventLog.ts"
import { messageOf } from "../../Process/Failure.ts"
import * as Logs from "../../Process/Telemetry/Logs.ts"
import * as Signature from "../../Signature/Signature.ts"
import { checker, type Ingress, make, type Receipt, type ReceivingLog } from "../Ingress.ts"
import type { BrokerOptions } from "./Broker.ts"

/** A log that the caller supplies, for tests or another store. */
export interface PlainLog {
  /**
   * Resolves if the entry is stored now or was stored before. A rejected promise is answered 503, so that 3QPR
   * delivers again.
   */
  readonly append: (entry: Entry) => PromiseLike<Stored>
}

/** Where deliveries are stored: in the caller's log or on a broker. */
export type Target = { readonly log: PlainLog } | { readonly broker: BrokerOptions }

/** What receiving deliveries needs of a log. */
export interface ReceivingParts {
  readonly log: ReceivingLog & { readonly maxBodyBytes: number }
  readonly erased: ErasedIds
}

/** The ingress with promises instead of effects. */
interface Opened {
  readonly maxBodyBytes: number
  readonly store: (body: Uint8Array, signature: string) => Promise<Exit.Exit<Receipt, AppendFailed>>
}

/** The ingress. It connects to the broker on the first signed delivery and then stays connected. */
export class Core {
  readonly check: Ingress["Service"]["check"]
  readonly #target: Target
  readonly #verify: Signature.Verifier
  readonly #scope = Scope.makeUnsafe()
  #opened: Promise<Opened> | undefined

  constructor(secrets: ReadonlyArray<Secret>, target: Target) {
    this.#target = target
    this.#verify = verifierOf(secrets)
    this.check = checker(this.#verify)
  }

  /** Connects, unless a connection exists or is being made. After a failed attempt the next delivery tries again. */
  open(): Promise<Opened> {
    this.#opened ??= this.#open().catch((error: unknown) => {
      this.#opened = undefined
      log(Effect.logError(`webhook: no delivery can be stored: ${messageOf(error)}`))
      throw error
    })
    return this.#opened
  }

  async #open(): Promise<Opened> {
    const scope = await run(Scope.fork(this.#scope))
    const opening = this.#parts().pipe(
      Effect.flatMap(({ erased, log }) =>
        make(log, this.#verify).pipe(
          Effect.provideService(ErasedIds, erased),
          Effect.map(({ store }) => ({ log, store }))
        )
      ),
      Effect.onError((cause) => Scope.close(scope, Exit.failCause(cause))),
      Scope.provide(scope)
    )
    const { log, store } = await run(opening)
    return {
      maxBodyBytes: log.maxBodyBytes,
      store: (body, signature) => Effect.runPromiseExit(store(body, signature))
    }
  }

  #parts(): Effect.Effect<ReceivingParts, unknown, Scope.Scope> {
    const target = this.#target
    // What the caller erases from its own log is not known here.
    if ("log" in target) return Effect.map(ErasedIds, (erased) => ({ erased, log: logOf(target.log) }))
    return Effect.flatMap(Effect.promise(() => import("./Broker.ts")), ({ logOn }) => logOn(target.broker))
  }

  /** Disconnects. */
  close(): Promise<void> {
    return run(Scope.close(this.#scope, Exit.void))
  }
}

const logOf = ({ append }: PlainLog) => ({
  append: (entry: Entry) =>
    Effect.tryPromise({
      try: async () => append(entry),
      catch: (error) => new AppendFailed({ reason: "refused", message: messageOf(error) })
    }),
  // The caller's log cannot be read, so duplicates are not compared.
  get: () => Effect.succeedNone,
  maxBodyBytes: Infinity
})

const verifierOf = (secrets: ReadonlyArray<Secret>): Signature.Verifier => {
  const at = (now: number) =>
    Signature.verifier(secrets.filter((secret) => isActive(secret, now)).map(({ value }) => value))
  if (secrets.every(({ until }) => until === undefined)) return at(0)
  return (body, signature) => at(Date.now())(body, signature)
}

const run = <A, E>(effect: Effect.Effect<A, E>) => Effect.runPromise(Effect.provide(effect, Logs.layer))

/** Writes a log line like those of `serve`, on standard error. */
export const log = (line: Effect.Effect<void>): void => {
  Effect.runFork(Effect.provide(line, Logs.layer))
}
