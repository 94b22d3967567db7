import { Effect } from "effect"
import { Buffer } from "node:buffer"
import * as Signature from "../../src/Signature/Signature.ts"
import type { Draw } from "../support/Faults/Bodies.ts"
import type { NatsProcess } from "../support/NatsProcess.ts"
import { between } from "./Case.ts"
import type { Healthy } from "./Healthy.ts"
import type { Ledger } from "./Ledger.ts"
import { chunk, delivery, head } from "./Request.ts"
import { type Exchange, exchange, type Step } from "./Wire.ts"

/** What a storm has access to. */
export interface Weather {
  readonly port: number
  readonly broker: NatsProcess
  readonly draw: Draw
  readonly ledger: Ledger
  readonly healthy: Healthy
  readonly maxInFlight: number
  readonly ready: () => Promise<boolean>
  readonly see: (
    kind: string,
    exchange: Exchange,
    allowed: ReadonlyArray<number>,
    mustAnswer?: boolean
  ) => void
}

/** Many connections that misbehave in the same way at once. */
export interface Storm {
  readonly kind: string
  readonly blow: (weather: Weather) => Promise<void>
}

const someSignature = `${Signature.header}: sha256=${"0".repeat(64)}`

/** A body in chunks of one byte. */
export const crumbs: ReadonlyArray<Step> = [
  head(["Transfer-Encoding: chunked", someSignature]),
  ...Array.from({ length: 40 }, () => Buffer.from("1\r\nx\r\n".repeat(10_000))),
  Buffer.from("0\r\n\r\n")
]

/** 5,000 requests on one connection, sent without waiting for an answer. */
export const pipeline = Buffer.concat(
  Array.from({ length: 5_000 }, () => head(["Content-Length: 0"], "GET /livez HTTP/1.1"))
)

const many = (
  { port, see }: Weather,
  kind: string,
  count: number,
  steps: (index: number) => ReadonlyArray<Step>,
  allowed: ReadonlyArray<number>,
  mustAnswer = true
) =>
  Promise.all(Array.from({ length: count }, async (_, index) => {
    see(kind, await exchange(port, steps(index), { answers: 1, patience: 20_000 }), allowed, mustAnswer)
  })).then(() => {})

export const storms: ReadonlyArray<Storm> = [
  {
    kind: "slow bodies",
    blow: (weather) =>
      many(weather, "slow bodies", weather.maxInFlight * 4, () => [
        head(["Content-Length: 2000", someSignature]),
        Buffer.alloc(1_000)
      ], [408, 503])
  },
  {
    kind: "slow heads",
    blow: (weather) =>
      many(
        weather,
        "slow heads",
        300,
        () => [Buffer.from("POST /webhooks/3qpr HTTP/1.1\r\nHost: x\r\nX: ")],
        [408]
      )
  },
  {
    kind: "drops of a head",
    blow: (weather) =>
      many(
        weather,
        "drops of a head",
        100,
        () =>
          [...Buffer.from("POST /webhooks/3qpr HTTP/1.1\r\nHost: x\r\nX: ")].flatMap((
            byte
          ) => [Buffer.of(byte), 200]),
        [408]
      )
  },
  {
    kind: "drops of a body",
    blow: (weather) =>
      many(
        weather,
        "drops of a body",
        weather.maxInFlight * 2,
        () => [
          head(["Content-Length: 2000", someSignature]),
          ...Array.from({ length: 60 }, () => [Buffer.of(1), 100]).flat()
        ],
        [408, 503],
        // A client that keeps sending after the answer can find the connection closed before it has read the answer.
        false
      )
  },
  {
    kind: "many large bodies",
    blow: (weather) =>
      many(
        weather,
        "many large bodies",
        150,
        () => [
          head(["Content-Length: 1048576", someSignature]),
          ...Array.from({ length: 10 }, () => [Buffer.alloc(100_000, "x"), 100]).flat(),
          "half-close"
        ],
        [400, 408, 503],
        false
      )
  },
  {
    kind: "crumbs",
    // One after the other: input that several clients send at once is read in one turn, and nothing can prevent
    // that.
    blow: async (weather) => {
      for (let count = 0; count < 16; count++) {
        await many(weather, "crumbs", 1, () => crumbs, [400, 413, 503], false)
      }
    }
  },
  {
    kind: "flood of forgeries",
    blow: (weather) =>
      many(weather, "flood of forgeries", 500, () => {
        const body = weather.ledger.event({ forged: true })
        return [delivery(body, `sha256=${"0".repeat(64)}`)]
      }, [400])
  },
  {
    kind: "endless pipeline",
    blow: async (weather) => {
      const done = await exchange(weather.port, [pipeline], { answers: 5_000, patience: 20_000 })
      // The connection is closed after an unpredictable number of answers.
      weather.see("endless pipeline", done, [200], false)
    }
  },
  {
    kind: "no client reads the answers",
    blow: async (weather) => {
      // The client does not read its answers. What the server buffers must be bounded.
      const chunked = chunk(Buffer.from("x"))
      const done = await exchange(weather.port, [
        head(["Transfer-Encoding: chunked", someSignature]),
        chunked,
        between(weather.draw, 0, 100),
        "half-close"
      ], { answers: 1, patience: 10_000 })
      weather.see("no client reads the answers", done, [400, 408, 503], false)
    }
  },
  {
    kind: "the broker is suspended",
    blow: async (weather) => {
      const { broker, healthy, ledger, maxInFlight, ready } = weather
      healthy.pause(true)
      await new Promise((wake) => setTimeout(wake, 300))
      await Effect.runPromise(broker.signal("SIGSTOP"))
      try {
        await many(weather, "the broker is suspended", maxInFlight * 3, () => {
          const body = ledger.event({ waits: true })
          return [delivery(body, ledger.sign(body))]
        }, [503])
      } finally {
        await Effect.runPromise(broker.signal("SIGCONT"))
      }
      while (!(await ready())) await new Promise((wake) => setTimeout(wake, 50))
      healthy.pause(false)
    }
  }
]
