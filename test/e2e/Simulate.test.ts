// Runs: long, node first

import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import * as Holdings from "../support/Holdings.ts"
import { type Arrival, receiver } from "../support/Receiver.ts"
import { running, serve, threeqpr } from "../support/Serve.ts"

const THREEQPR_WEBHOOK_SECRET = "whsec_of_the_tests"

const dataDir = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(`${tmpdir()}/threeqpr-simulate-`)),
  (folder) => Effect.sync(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }))
)

describe("threeqpr simulate", () => {
  it.live("reports a real receiver as clean with every fault injected", () =>
    Effect.gen(function*() {
      const DATA_DIR = yield* dataDir
      const { webhook } = yield* serve({ DATA_DIR }, ["--role", "ingress"])
      const args = ["--url", webhook, "--data-dir", DATA_DIR, "--rate", "300", "--speed", "1000"]
      const faulty = yield* threeqpr(["simulate", ...args, "--count", "600", "--faults", "all", "--json"])
      const report = JSON.parse(faulty.stdout)
      assert.strictEqual(faulty.code, 0, faulty.stderr + faulty.stdout)
      assert.deepInclude(report, {
        clean: true,
        wrong: [],
        events: 600,
        accepted: 600,
        waiting: 0,
        given_up: 0
      })
      assert.deepStrictEqual([report.unexpected, report.verification], [[], null])
      assert.strictEqual(report.quarantined, report.faults.malformed)
      assert.isAbove(report.forged.refused, 10)
      assert.strictEqual(report.forged.accepted, 0)
      assert.strictEqual(report.deliveries.by_status["400"], report.forged.refused)
      assert.isAbove(report.latency.p99, 0)

      const calm = yield* threeqpr(["simulate", ...args, "--count", "30", "--seed", "a.b-1"])
      assert.strictEqual(calm.code, 0, calm.stderr)
      assert.match(calm.stdout, /^stored +30 /m)
      assert.match(calm.stdout, /seed a\.b-1/)
      assert.match(calm.stdout, /^clean/m)
      assert.notInclude(calm.stdout + calm.stderr, "\u001b")
    }).pipe(Effect.scoped))

  it.live("exits 1 on a receiver with another secret, and says at once how to pass the secret", () =>
    Effect.gen(function*() {
      const { url } = yield* receiver()
      const { code, stderr, stdout } = yield* threeqpr(
        ["simulate", "--url", url, "--secret", "whsec_wrong", "--count", "3", "--speed", "10000"]
      )
      assert.strictEqual(code, 1)
      assert.match(
        stderr,
        /uses a different secret\. If `register` changed .* restart `threeqpr serve`\. Otherwise give .*--secret-file/
      )
      assert.match(
        stderr,
        /threeqpr: Not clean: 3 given up; 3 × a genuine event was answered 400 invalid_signature/
      )
      assert.match(stdout, /^given up +3/m)
      assert.notInclude(stderr + stdout, "whsec_")
    }).pipe(Effect.scoped))

  it.live("exits 1 when the receiver does not answer or no secret is known, and says what to do", () =>
    Effect.gen(function*() {
      const args = ["simulate", "--url", "http://127.0.0.1:1/", "--count", "1", "--speed", "10000"]
      const away = yield* threeqpr(args, { THREEQPR_WEBHOOK_SECRET })
      assert.strictEqual(away.code, 1)
      assert.match(away.stderr, /Nothing answers at http:\/\/127\.0\.0\.1:1\//)
      assert.match(away.stdout, /refused × 6/)
      const unknown = yield* threeqpr(args, { DATA_DIR: yield* dataDir })
      assert.strictEqual(unknown.code, 1)
      assert.include(unknown.stderr, "THREEQPR_WEBHOOK_SECRET")
    }).pipe(Effect.scoped))

  it.live("sends nothing when --verify cannot reach the private listener", () =>
    Effect.gen(function*() {
      const { arrivals, url } = yield* receiver()
      const { code, stderr } = yield* threeqpr(
        ["simulate", "--url", url, "--count", "1", "--verify", "--admin-url", "http://127.0.0.1:1"],
        { THREEQPR_WEBHOOK_SECRET }
      )
      assert.strictEqual(code, 1)
      assert.match(stderr, /Nothing answers at http:\/\/127\.0\.0\.1:1\..*--admin-url/)
      assert.strictEqual(arrivals.length, 0)
    }).pipe(Effect.scoped))

  it.live("compares the stored and projected events with --verify, and names each difference", () =>
    Effect.gen(function*() {
      const holdings = Holdings.nothing()
      const admin = yield* Holdings.url.pipe(
        Effect.provide(yield* Layer.build(Holdings.server(holdings)))
      )
      let keep: (arrival: Arrival) => boolean = () => true
      const { url } = yield* receiver((arrival) => {
        arrival.answer()
        if (keep(arrival)) Holdings.take(holdings, [arrival])
      })
      const verify = (...args: ReadonlyArray<string>) =>
        threeqpr(
          ["simulate", "--url", url, "--admin-url", admin, "--verify", "--rate", "200", "--count", ...args],
          { THREEQPR_WEBHOOK_SECRET }
        )
      const good = yield* verify("60")
      assert.strictEqual(good.code, 0, good.stderr)
      assert.match(good.stdout, /^compared 60 events of the log, \d+ scans and \d+ conversations$/m)

      const ids: Array<string> = []
      keep = ({ id }) => ids.push(id) > 25
      const bad = yield* verify("60")
      assert.strictEqual(bad.code, 1)
      assert.match(bad.stdout, /^lost from the log: 25$/m)
      const listed = bad.stdout.slice(bad.stdout.indexOf("lost from the log")).split("\n").slice(1, 21)
      assert.includeMembers(ids.slice(0, 25), listed.map((line) => line.trim()))
      assert.match(bad.stdout, /^ {2}and 5 more$/m)
      assert.match(bad.stderr, /threeqpr: Not clean: 25 lost from the log; \d+ scans without a row/)

      ids.length = 0
      const report = JSON.parse((yield* verify("60", "--json")).stdout)
      assert.deepStrictEqual([report.clean, report.verification.clean], [false, false])
      assert.sameMembers(report.verification.log.lost, ids.slice(0, 25))
    }).pipe(Effect.scoped))

  it.live("runs until Ctrl-C, and then prints the report and exits 0", () =>
    Effect.gen(function*() {
      const { arrivals, url } = yield* receiver()
      const simulating = yield* running(["simulate", "--url", url, "--rate", "50", "--json"], {
        THREEQPR_WEBHOOK_SECRET
      })
      yield* Effect.promise(async () => {
        while (arrivals.length < 20) await new Promise((resolve) => setTimeout(resolve, 10))
      })
      simulating.signal("SIGINT")
      const { code, stderr, stdout } = yield* simulating.ended
      assert.strictEqual(code, 0, stderr)
      const report = JSON.parse(stdout)
      // A delivery can have arrived and been interrupted before its answer.
      assert.isAtMost(report.accepted, arrivals.length)
      assert.isAtLeast(report.accepted + report.waiting, arrivals.length)
      assert.isAbove(report.accepted, 0)
      assert.deepStrictEqual(report.violations, [])
    }).pipe(Effect.scoped))

  it.live("exits 1 after Ctrl-C when an unexpected answer was seen", () =>
    Effect.gen(function*() {
      const { arrivals, url } = yield* receiver()
      const simulating = yield* running(["simulate", "--url", url, "--rate", "50"], {
        THREEQPR_WEBHOOK_SECRET: "another_of_the_tests"
      })
      yield* Effect.promise(async () => {
        while (arrivals.length < 5) await new Promise((resolve) => setTimeout(resolve, 10))
      })
      simulating.signal("SIGINT")
      const { code, stderr } = yield* simulating.ended
      assert.strictEqual(code, 1)
      assert.match(stderr, /Not clean: \d+ × a genuine event was answered 400/)
    }).pipe(Effect.scoped))

  it.live("exits 2 on wrong usage", () =>
    Effect.gen(function*() {
      for (
        const args of [
          ["--count", "0"],
          ["--rate", "0"],
          ["--rate", "many"],
          ["--speed", "-1"],
          ["--url", "localhost:3000"],
          ["--url", "http://me:hunter2@localhost:3000"],
          ["--api-port", "0", "--url", "http://localhost:3000"],
          ["--faults", "gremlins"],
          ["--seed", "two words"],
          ["--wrong"]
        ]
      ) {
        const { code, stderr } = yield* threeqpr(["simulate", ...args], { THREEQPR_WEBHOOK_SECRET })
        assert.strictEqual(code, 2, args.join(" "))
        assert.match(stderr, /ERROR/, args.join(" "))
        assert.notInclude(stderr, "hunter2")
      }
      const { stderr } = yield* threeqpr(["simulate", "--faults", "gremlins"], { THREEQPR_WEBHOOK_SECRET })
      assert.include(stderr, "duplicates,reordering")
    }))

  it.live("prints usage and examples with --help", () =>
    Effect.gen(function*() {
      const { code, stdout } = yield* threeqpr(["simulate", "--help"])
      assert.strictEqual(code, 0)
      assert.include(stdout, "threeqpr simulate --count 2000 --rate 100 --faults all --speed 1000 --verify")
      for (
        const flag of ["url", "admin-url", "secret", "rate", "count", "seed", "speed", "faults", "verify"]
      ) {
        assert.include(stdout, `--${flag} `)
      }
    }))
})
