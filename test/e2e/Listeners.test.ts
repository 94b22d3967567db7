import { assert, describe } from "@effect/vitest"
import { Console, Effect } from "effect"
import { request } from "node:http"
import process from "node:process"
import { newEmbeddedDataDir } from "../support/Databases.ts"
import { test } from "../support/Live.ts"
import { freePort } from "../support/Port.ts"
import { running, serve } from "../support/Serve.ts"

/** Milliseconds after which a request counts as unanswered. */
const patience = 20_000

/** Sends a request to a listener every few milliseconds until the scope closes, each on a new connection. */
const asking = (port: number, path: string) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const seen = { answered: 0, refused: 0, reset: 0, hung: 0, open: 0 }
      const ask = () => {
        seen.open++
        const asked = request(
          { host: "127.0.0.1", port, path, agent: false, timeout: patience },
          (response) => {
            response.resume().on("close", () => end("answered"))
          }
        )
        let ended = false
        const end = (how: "answered" | "refused" | "reset" | "hung") => {
          if (ended) return
          ended = true
          seen.open--
          seen[how]++
        }
        asked.on("timeout", () => end("hung")).on("error", (error) =>
          end(isRefused(error) ? "refused" : "reset")).end()
      }
      return { seen, timer: setInterval(ask, 3) }
    }),
    ({ timer }) =>
      Effect.sync(() => clearInterval(timer))
  )

const isRefused = (error: object) => "code" in error && error.code === "ECONNREFUSED"

interface Seen {
  readonly answered: number
  /** The connection was refused. */
  readonly refused: number
  /** The operating system reset the connection: it was still waiting to be accepted when the listener closed. */
  readonly reset: number
  readonly hung: number
  readonly open: number
}

const answered = (all: ReadonlyArray<{ readonly seen: Seen }>) =>
  Effect.repeat(Effect.sleep("20 millis"), { until: () => all.every(({ seen }) => seen.answered >= 5) })

/** Sends requests until an effect has ended, and returns the outcome of each request. */
const askedDuring = <E, R>(
  what: (answered: Effect.Effect<unknown>) => Effect.Effect<unknown, E, R>,
  ...listeners: ReadonlyArray<readonly [number, string]>
) =>
  Effect.gen(function*() {
    const all = yield* Effect.forEach(listeners, ([port, path]) => asking(port, path)).pipe(
      Effect.tap((all) => what(answered(all))),
      Effect.scoped
    )
    yield* Effect.repeat(Effect.sleep("20 millis"), { until: () => all.every(({ seen }) => seen.open === 0) })
    return all.map(({ seen }): Seen => seen)
  })

const port = Effect.promise(freePort)

/** `LISTENER_STARTS=20` starts each program twenty times in a row, and prints the outcomes of the requests. */
const starts = Number(process.env["LISTENER_STARTS"] ?? 1)

/** Starts a program several times in a row, and checks the outcomes of the requests to each listener. */
const inARow = <E, R>(what: string, once: Effect.Effect<ReadonlyArray<Seen>, E, R>) =>
  Effect.forEach(Array.from({ length: starts }, (_, start) => start + 1), (start) =>
    Effect.gen(function*() {
      const all = yield* once
      if (starts > 1) {
        yield* Console.log(`${what}, start ${start}: ${all.map((seen) => JSON.stringify(seen)).join(" ")}`)
      }
      for (const { hung, refused } of all) {
        assert.strictEqual(hung, 0)
        assert.isAbove(refused, 0)
      }
    }))

describe("every listener answers or refuses every request, from before its start until after its stop", () => {
  // The private listener is the same for every role, so one start of each other role is enough.
  const others = starts > 1 ? [["--role", "projector"], ["--role", "admin"]] : []
  for (const roles of [[], ["--role", "ingress"], ...others]) {
    test(
      `serve ${roles.join(" ")}`,
      inARow(
        `serve ${roles.join(" ")}`,
        Effect.gen(function*() {
          const [own, admin] = [yield* port, yield* port]
          const environment = {
            DATA_DIR: yield* newEmbeddedDataDir,
            PORT: String(own),
            ADMIN_PORT: String(admin)
          }
          return yield* askedDuring(
            (answered) =>
              Effect.flatMap(
                serve(environment, roles),
                ({ end }) => Effect.andThen(answered, end("SIGTERM"))
              ),
            ...(others.includes(roles) ? [] : [[own, "/readyz"] as const]),
            [admin, "/readyz"],
            [admin, "/v1/status"]
          )
        }).pipe(Effect.scoped)
      ),
      starts * 120_000
    )
  }

  test(
    "simulate --api-port",
    inARow(
      "simulate --api-port",
      Effect.gen(function*() {
        const api = yield* port
        return yield* askedDuring(
          Effect.fnUntraced(function*(answered) {
            const simulating = yield* running(["simulate", "--api-port", String(api)])
            yield* simulating.line("stderr", /API is at/)
            yield* answered
            yield* simulating.end("SIGINT")
          }, Effect.scoped),
          [api, "/v1/scans"]
        )
      })
    ),
    starts * 120_000
  )
})
