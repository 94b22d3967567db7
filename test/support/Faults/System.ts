import { Context, Effect, Exit, Layer, Redacted, Schedule, Scope } from "effect"
import { SqlClient } from "effect/sql/SqlClient"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { Database } from "../../../src/Database/Database.ts"
import { messageOf } from "../../../src/Process/Failure.ts"
import { lives } from "../../../src/Projector/Registry.ts"
import * as Broker from "../Broker.ts"
import * as NatsProcess from "../NatsProcess.ts"
import { refusePoison } from "../Poison.ts"
import { freePort } from "../Port.ts"
import * as Postgres from "../Postgres.ts"
import { standStill } from "../Processes.ts"
import * as Proxy from "../Proxy.ts"
import { type Launch, type Serve, serve } from "../Serve.ts"
import { check, type CheckOptions, type Verdict } from "./Check.ts"
import * as Cluster from "./Cluster.ts"
import type { Ledger } from "./Ledger.ts"
import { unfinished } from "./Stored.ts"

export const secret = Redacted.make("whsec_of_the_faults")

/** A process under test that can be killed, paused and started again on the same ports. */
export interface Part {
  readonly role: "ingress" | "projector" | "admin"
  /** The webhook's URL. */
  readonly webhook: string
  readonly admin: string
  /** The running process; undefined while none runs. */
  readonly now: () => Serve | undefined
  /** Sends a signal, waits until the process has ended, and returns the exit code. */
  readonly end: (signal: "SIGTERM" | "SIGKILL") => Effect.Effect<number | null>
  /** Suspends the process without its notice. `proceed` resumes it. */
  readonly pause: Effect.Effect<void>
  readonly proceed: Effect.Effect<void>
  /** Starts the process if it does not run, and waits until it is ready. Retries when the start fails. */
  readonly start: Effect.Effect<void>
  /** Starts the program of another checkout, whose entry point is `main`. */
  readonly startOther: (main: string) => Effect.Effect<void>
  /** Sets its wall clock to an offset in milliseconds from the machine's clock. 0 restores it. */
  readonly moveClock: (millis: number) => Effect.Effect<void>
}

/** A whole system on one machine. Each part is a process, and the networks between them are controllable. */
export interface System {
  /** The broker, or the first member of a cluster. */
  readonly broker: NatsProcess.NatsProcess
  readonly cluster: Cluster.Cluster | undefined
  /** Between every process under test and the broker. Connections to a cluster do not use it. */
  readonly brokerNetwork: Proxy.Proxy
  readonly postgres: Postgres.Postgres
  /** Between every process under test and Postgres. */
  readonly databaseNetwork: Proxy.Proxy
  readonly receivers: ReadonlyArray<Part>
  readonly projectors: ReadonlyArray<Part>
  /** The webhook URLs of the receivers. */
  readonly urls: () => ReadonlyArray<string>
  /** Adds one more process, which ends with the system. */
  readonly add: (role: Part["role"], env?: Readonly<Record<string, string>>) => Effect.Effect<Part>
  /** Runs SQL directly on the database, without the proxied network. */
  readonly query: <A, E>(effect: Effect.Effect<A, E, SqlClient>) => Effect.Effect<A, E>
  /** Waits until every durable consumer has finished everything. */
  readonly settled: Effect.Effect<void>
  /** Waits until the system has settled, and compares the ledger with the stream and the read models. */
  readonly check: (ledger: Ledger, options?: CheckOptions) => Effect.Effect<Verdict>
}

export interface SystemOptions {
  readonly receivers: number
  readonly projectors: number
  /** Environment variables of every process under test. */
  readonly env?: Readonly<Record<string, string>>
  /** Uses a cluster of three brokers with three replicas of every stream, instead of one broker. */
  readonly cluster?: boolean
  /**
   * Connects the processes to the broker and Postgres without the proxies, which cost time. Used for measurements.
   */
  readonly direct?: boolean
  /** Whether the clocks of the processes can be moved. */
  readonly clocks?: boolean
  /** The program to run. The default is the program of this checkout. */
  readonly entry?: string
  /** The `jetstream` section of the configuration of a single broker. */
  readonly jetstream?: Readonly<Record<string, unknown>>
}

/** Starts the system and waits until it is ready. Removes all of it when the scope ends. */
export const make = Effect.fnUntraced(function*(options: SystemOptions) {
  const scope = yield* Effect.scope
  const cluster = options.cluster ? yield* Cluster.make : undefined
  const broker = cluster?.members[0] ?? (yield* NatsProcess.start(options.jetstream))
  const postgres = yield* Postgres.start
  const brokerNetwork = yield* Proxy.before(broker.port)
  const databasePort = new URL(postgres.url).port
  const databaseNetwork = yield* Proxy.before(Number(databasePort))
  const base = {
    NATS_URL: cluster?.url ?? `nats://127.0.0.1:${options.direct ? broker.port : brokerNetwork.port}`,
    ...(cluster && { STREAM_REPLICAS: "3" }),
    NATS_TOKEN: broker.token,
    DATABASE_URL: options.direct
      ? postgres.url
      : postgres.url.replace(`:${databasePort}/`, `:${databaseNetwork.port}/`),
    THREEQPR_WEBHOOK_SECRET: Redacted.value(secret),
    ...options.env
  }
  const launch: Launch = {
    ...(options.clocks && { preload: clockModule }),
    ...(options.entry !== undefined && { entry: options.entry })
  }
  const add = (role: Part["role"], env: Readonly<Record<string, string>> = {}) =>
    Scope.provide(part(role, { ...base, ...env }, launch), scope)
  const many = (role: Part["role"], count: number) =>
    Effect.forEach(Array.from({ length: count }), () => add(role), { concurrency: 4 })
  const database = yield* Layer.build(
    Database.layer({ url: Redacted.make(postgres.url), dataDir: "" }).pipe(Layer.provide(Broker.platform))
  ).pipe(Effect.orDie)
  const sql = Context.get(database, SqlClient)
  yield* Effect.provideService(refusePoison, SqlClient, sql)
  const receivers = yield* many("ingress", options.receivers)
  const projectors = yield* many("projector", options.projectors)
  const query: System["query"] = (effect) => Effect.provideService(effect, SqlClient, sql)
  const left = query(lives).pipe(
    Effect.map((all) => all.map(({ durable }) => durable)),
    Effect.flatMap((wanted) => Effect.tryPromise(() => unfinished(broker, "3QPR_EVENTS", wanted))),
    Effect.catch((error) => Effect.succeed([messageOf(error)]))
  )
  // Checks twice: a new durable consumer reports nothing pending until the broker has counted its entries.
  const settled = Effect.zipWith(
    left,
    Effect.delay(left, "100 millis"),
    (first, second) => [...first, ...second]
  ).pipe(
    Effect.flatMap((left) => left.length === 0 ? Effect.void : Effect.fail(left)),
    Effect.retry(Schedule.spaced("100 millis")),
    Effect.timeout("150 seconds"),
    Effect.catch(() =>
      Effect.flatMap(
        left,
        (left) => Effect.die(new Error(`not finished after 150 seconds: ${left.join(", ")}`))
      )
    )
  )
  const system: System = {
    broker,
    cluster,
    brokerNetwork,
    postgres,
    databaseNetwork,
    receivers,
    projectors,
    urls: () => receivers.map(({ webhook }) => webhook),
    add,
    query,
    settled,
    check: (ledger, options) => Effect.andThen(settled, Effect.orDie(query(check(ledger, broker, options))))
  }
  return system
})

/** The module that moves the clock of the process into which it is preloaded. */
const clockModule = fileURLToPath(new URL("./Clock.ts", import.meta.url))

const part = Effect.fnUntraced(function*(
  role: Part["role"],
  env: Readonly<Record<string, string>>,
  launch: Launch
) {
  const PORT = String(yield* Effect.promise(freePort))
  const ADMIN_PORT = String(yield* Effect.promise(freePort))
  let now: Serve | undefined
  let life = Scope.makeUnsafe()
  yield* Effect.addFinalizer((exit) => Effect.suspend(() => Scope.close(life, exit)))
  const clock = yield* Effect.acquireRelease(
    Effect.sync(() => mkdtempSync(join(tmpdir(), "threeqpr-clock-"))),
    (folder) => Effect.sync(() => rmSync(folder, { recursive: true, force: true }))
  )
  const CLOCK_FILE = join(clock, "offset")
  const startAs = (other: Launch) =>
    Effect.gen(function*() {
      if (now !== undefined) return
      life = Scope.makeUnsafe()
      const variables = { ...env, PORT, ADMIN_PORT, CLOCK_FILE }
      now = yield* serve(variables, ["--role", role], { ...launch, ...other }).pipe(
        Scope.provide(life),
        Effect.sandbox,
        Effect.retry(Schedule.spaced("200 millis")),
        Effect.orDie
      )
    })
  const start = startAs({})
  const signal = (name: NodeJS.Signals) => Effect.sync(() => void (now && process.kill(now.pid, name)))
  yield* start
  return {
    role,
    webhook: `http://127.0.0.1:${PORT}/webhooks/3qpr`,
    admin: `http://127.0.0.1:${ADMIN_PORT}`,
    now: () => now,
    end: (name) =>
      Effect.gen(function*() {
        const code = now === undefined ? null : yield* now.end(name)
        now = undefined
        yield* Scope.close(life, Exit.void)
        return code
      }),
    pause: Effect.suspend(() => now === undefined ? Effect.void : standStill(now.pid)),
    proceed: signal("SIGCONT"),
    start,
    startOther: (main) => startAs({ entry: main }),
    moveClock: (millis) => Effect.sync(() => writeFileSync(CLOCK_FILE, String(millis)))
  } satisfies Part
})
