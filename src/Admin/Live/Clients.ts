import { Effect, Fiber, type Scope } from "effect"
import { TooManyClients } from "../Api/Problems.ts"
import type { Outbox } from "./Outbox.ts"

/** Maximum number of concurrent clients. */
export const mostClients = 64

/** A connected client. */
export interface Client {
  readonly outbox: Outbox
  /**
   * The sequence of the last entry that the client has, until it joins the tail; undefined when it begins at the end.
   */
  after: number | undefined
  /** The client receives entries of the shared tail after this sequence; undefined while it catches up. */
  joined: number | undefined
  /** Cuts the client's connection. */
  readonly abort: () => void
  ended: boolean
}

/**
 * State that all clients share while at least one is connected: one status query a second, and one tail of the log.
 */
export interface Source {
  readonly clients: Set<Client>
  /** The sequence up to which the tail has read; undefined before its first read. */
  position: number | undefined
  status: Uint8Array | undefined
  work: Fiber.Fiber<unknown> | undefined
}

/** The clients of the live feed. The first one starts the work of their source, and the last one ends it. */
export class Clients {
  readonly #work: (source: Source) => Effect.Effect<unknown>
  readonly #scope: Scope.Scope
  #source: Source | undefined

  constructor(work: (source: Source) => Effect.Effect<unknown>, scope: Scope.Scope) {
    this.#work = work
    this.#scope = scope
  }

  get all(): ReadonlySet<Client> {
    return this.#source?.clients ?? new Set()
  }

  join(client: Client): Effect.Effect<Source, TooManyClients> {
    return Effect.suspend(() => {
      if (this.all.size >= mostClients) return Effect.fail(tooMany())
      const isFirst = this.#source === undefined
      const source = this.#source ??= {
        clients: new Set(),
        position: undefined,
        status: undefined,
        work: undefined
      }
      source.clients.add(client)
      if (source.status !== undefined) client.outbox.status(source.status)
      if (!isFirst) return Effect.succeed(source)
      const work = Effect.ensuring(this.#work(source), Effect.sync(() => this.#ended(source)))
      return Effect.map(Effect.forkIn(work, this.#scope), (fiber) => {
        source.work = fiber
        return source
      })
    })
  }

  leave(client: Client): Effect.Effect<void> {
    return Effect.suspend(() => {
      const source = this.#source
      if (!source?.clients.delete(client) || source.clients.size > 0) return Effect.void
      this.#source = undefined
      return source.work === undefined ? Effect.void : Fiber.interrupt(source.work)
    })
  }

  #ended(source: Source): void {
    if (this.#source === source) this.#source = undefined
    source.clients.forEach(end)
  }
}

const tooMany = () =>
  new TooManyClients({
    detail: `${mostClients} clients are already connected to /v1/live. Close one, or try again later.`
  })

/** Ends the stream of a client. */
export const end = (client: Client) => {
  client.ended = true
  client.outbox.nudge()
}
