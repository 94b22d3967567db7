// Runs: long

import { assert, describe } from "@effect/vitest"
import { Effect } from "effect"
import { Buffer } from "node:buffer"
import { readFileSync } from "node:fs"
import { connect } from "node:net"
import { fileURLToPath } from "node:url"
import * as Signature from "../../src/Signature/Signature.ts"
import { type Kind } from "../fuzz/Case.ts"
import { bodies } from "../fuzz/Cases/Bodies.ts"
import { signatures } from "../fuzz/Cases/Signatures.ts"
import { sizes } from "../fuzz/Cases/Sizes.ts"
import { fuzz } from "../fuzz/Fuzz.ts"
import { type Ledger } from "../fuzz/Ledger.ts"
import { failures, render } from "../fuzz/Report.ts"
import { delivery, head } from "../fuzz/Request.ts"
import { exchange, type Step } from "../fuzz/Wire.ts"
import { drawsOf } from "../support/Faults/Bodies.ts"
import { readStream } from "../support/Faults/Stored.ts"
import { send } from "../support/Http.ts"
import { ingress } from "../support/Ingress.ts"
import { test } from "../support/Live.ts"

const sendAll = (port: number, ledger: Ledger, kinds: ReadonlyArray<Kind>, times: number) =>
  Effect.promise(async () => {
    const draw = drawsOf(7)
    for (const { kind, make } of kinds) {
      for (let count = 0; count < times; count++) {
        const { answers, mayClose = false, steps } = make({ draw, ledger, maxBodyBytes: 1_048_576 })
        const { responses } = await exchange(port, steps, { answers: answers.length })
        if (mayClose && responses.length === 0) continue
        assert.lengthOf(responses, answers.length, kind)
        for (const [index, { body, status }] of responses.entries()) {
          assert.include(answers[index] ?? [], status, `${kind}: ${body}`)
        }
      }
    }
  })

/**
 * Milliseconds. The limit allows for other tests on the same processor. `npm run fuzz`, alone on a machine, is
 * stricter.
 */
const longest = 250

/** Turns of the event loop that took longer than the limit. */
const blocks = (logs: ReadonlyArray<string>) =>
  logs.slice(logs.findIndex((line) => line.startsWith("ready in "))).flatMap((line) =>
    /blocked for (\d+) ms/.exec(line)?.[1] ?? []
  ).map(Number).filter((millis) => millis > longest)

const residentOf = (pid: number) =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) / 1_024

const preload = fileURLToPath(new URL("../fuzz/probe.ts", import.meta.url))

describe("the public listener under abuse", () => {
  // Row 25.
  test(
    "answers every invalid signature with 400, and stores none of those bodies",
    Effect.gen(function*() {
      const { broker, ledger, port } = yield* ingress()
      yield* sendAll(port, ledger, signatures, 20)
      const stored = yield* Effect.promise(() => readStream(broker, "3QPR_EVENTS"))
      assert.deepStrictEqual(stored.filter(({ subject }) => subject !== "3qpr.quarantine.probe"), [])
    })
  )

  // Row 26.
  test(
    "accepts every signed body and refuses the rest, with bounded memory and no long turn of the event loop",
    Effect.gen(function*() {
      const { ledger, port, target } = yield* ingress({ preload })
      yield* sendAll(port, ledger, [...bodies, ...sizes], 3)
      const before = residentOf(target.pid)
      yield* sendAll(port, ledger, [...bodies, ...sizes], 6)
      assert.isBelow(residentOf(target.pid) - before, 250)
      assert.deepStrictEqual(blocks(target.logs), [])
    }),
    120_000
  )

  // Row 27.
  test(
    "serves other clients while 5,000 connections are slow or idle, and closes those in time",
    Effect.gen(function*() {
      const { healthy, port, target } = yield* ingress()
      yield* Effect.promise(async () => {
        const running = healthy.run()
        while (healthy.took.length < 60) await new Promise((wake) => setTimeout(wake, 20))
        const quiet = healthy.p99
        const wrong: ReadonlyArray<ReadonlyArray<Step>> = [
          [],
          [Buffer.from("POST /webhooks/3qpr HTTP/1.1\r\nHost: x\r\nX: ")],
          [
            head(["Content-Length: 100", `${Signature.header}: sha256=${"0".repeat(64)}`]),
            Buffer.from("half")
          ]
        ]
        const all = await Promise.all(
          Array.from(
            { length: 5_000 },
            (_, index) => exchange(port, wrong[index % wrong.length] ?? [], { answers: 1, patience: 20_000 })
          )
        )
        for (const [index, { end, responses, took }] of all.entries()) {
          if (index % 3 === 2) assert.strictEqual(responses[0]?.status, 408)
          assert.notStrictEqual(end, "timeout")
          assert.isBelow(took, 15_000)
        }
        healthy.stop()
        await running
        assert.deepStrictEqual(healthy.harmed, [])
        // 100 ms on an idle machine. This machine also opens the 5,000 connections.
        assert.isBelow(healthy.p99, Math.max(250, 10 * quiet))
      })
      assert.strictEqual((yield* send(`${target.admin}/readyz`)).status, 200)
    }),
    120_000
  )

  test(
    "closes the connection of a client that continues after its head timed out, and mixes none of its data into others",
    Effect.gen(function*() {
      const { ledger, port } = yield* ingress()
      yield* Effect.promise(async () => {
        const open = new Set(Array.from({ length: 300 }, () => {
          const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true, noDelay: true })
          const timer = setInterval(() => socket.write("1"), 20)
          socket.write("POST /webhooks/3qpr HTTP/1.1\r\nX: ")
          socket.on("error", () => {}).resume()
          socket.once("close", () => {
            clearInterval(timer)
            open.delete(socket)
          })
          return socket
        }))
        const until = performance.now() + 30_000
        const deliverAll = async () => {
          while (open.size > 0 && performance.now() < until) {
            const body = ledger.event()
            const steps = [delivery(body, ledger.sign(body))]
            const { responses } = await exchange(port, steps, { answers: 1 })
            assert.deepStrictEqual(responses.map(({ status }) => status), [200])
          }
        }
        try {
          await Promise.all(Array.from({ length: 16 }, deliverAll))
          assert.strictEqual(open.size, 0, "are still let in")
        } finally {
          for (const socket of open) socket.destroy()
        }
      })
    }),
    90_000
  )
})

describe("npm run fuzz", () => {
  test(
    "finds no problem at the listeners, covers every kind, status and outcome, and fails on any problem",
    Effect.gen(function*() {
      const report = yield* fuzz({ target: "listener", seed: 11, seconds: 10 })
      assert.deepStrictEqual(failures(report, Math.max(longest, 10 * report.floor)), [], render(report))
      assert.isAbove(report.cases, 1_000)
      assert.include(failures({ ...report, statuses: {} }).join(), "never seen: 200")
      assert.include(failures({ ...report, blocked: [10_000] }).join(), "10000 ms")
      assert.include(failures({ ...report, problems: ["forged: x"] }), "forged: x")
      assert.isNotEmpty(failures({ ...report, memory: { first: 0, most: 1_000, last: 0 } }))
    }),
    180_000
  )

  test(
    "finds no problem at a web handler in 4 seconds",
    Effect.gen(function*() {
      const report = yield* fuzz({ target: "handler", seed: 12, seconds: 4, storms: false })
      assert.deepStrictEqual(failures(report, Math.max(longest, 10 * report.floor)), [], render(report))
    }),
    180_000
  )
})
