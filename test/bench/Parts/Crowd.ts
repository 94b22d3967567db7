import { Console, Effect, Redacted } from "effect"
import { Buffer } from "node:buffer"
import { spawn } from "node:child_process"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import * as Signature from "../../../src/Signature/Signature.ts"
import { Healthy } from "../../fuzz/Healthy.ts"
import { Ledger, secret } from "../../fuzz/Ledger.ts"
import { head } from "../../fuzz/Request.ts"
import { until } from "../../support/Until.ts"
import { ours } from "../Contest.ts"
import { median } from "../Median.ts"
import type { Part, Runtime } from "../Part.ts"
import { start, stop } from "../Program.ts"
import { broker } from "../Stores.ts"
import { usageOf } from "../Usage.ts"

/** How long a crowd stays, in seconds. Its requests time out after 4 seconds, and it connects again. */
const stay = 15

const unfinished = head(["Transfer-Encoding: chunked", `${Signature.header}: sha256=${"0".repeat(64)}`])

/** What each connection of a crowd sends. */
const kinds: Readonly<Record<string, Buffer>> = {
  nothing: Buffer.alloc(0),
  "a head": unfinished,
  "a head and 1,000 chunks of one byte": Buffer.concat([unfinished, Buffer.from("1\r\nx\r\n".repeat(1_000))])
}

/** What a crowd of clients that never finish their requests costs a receiver and its other clients. */
export const crowd: Part = {
  name: "crowd",
  about:
    "memory of a receiver and time of other deliveries, while 2,000 clients (--size) never finish theirs",
  onlyWhenNamed: true,
  run: Effect.fnUntraced(function*({ rounds, runtimes, size = 2_000 }) {
    const rows: Array<Record<string, string | number>> = []
    for (const runtime of runtimes) {
      for (const [kind, bytes] of Object.entries(kinds)) {
        const runs: Array<Effect.Success<ReturnType<typeof measure>>> = []
        for (let round = 0; round < rounds; round++) {
          runs.push(yield* measure(runtime, bytes, size))
          yield* Console.error(`${runtime}, ${kind}: ${JSON.stringify(runs.at(-1))}`)
        }
        const row = (value: (run: (typeof runs)[number]) => number) => Math.round(median(runs.map(value)))
        rows.push({
          on: runtime,
          "each sends": kind,
          "MB before": row(({ before }) => before),
          "MB more": row(({ more }) => more),
          "p50 ms": row(({ p50 }) => p50),
          "p99 ms": row(({ p99 }) => p99),
          "not 200": row(({ harmed }) => harmed.length)
        })
      }
    }
    return { rows, notes: [`medians of ${rounds} runs of ${stay} s, ${size} connections`], failures: [] }
  })
}

const measure = Effect.fnUntraced(function*(runtime: Runtime, bytes: Buffer, size: number) {
  const store = yield* broker
  const { args = [], script } = ours(runtime, store)
  const { pid, url } = yield* start(runtime, script, args, {
    ...store.environment,
    THREEQPR_WEBHOOK_SECRET_FILE: yield* secretFile,
    LOG_LEVEL: "Error"
  })
  const port = new URL(url).port
  const healthy = new Healthy(Number(port), new Ledger("crowd"))
  yield* Effect.acquireRelease(Effect.sync(() => void healthy.run()), () => Effect.sync(() => healthy.stop()))
  // The first deliveries load code.
  yield* until("50 deliveries", Effect.sync(() => healthy.took.length), (count) => count >= 50)
  healthy.took.length = 0
  const before = megabytes(pid)
  let most = before
  yield* Effect.acquireRelease(
    Effect.sync(() => {
      const program = fileURLToPath(new URL("../crowd.ts", import.meta.url))
      return spawn("node", [program, port, String(size), bytes.toString("base64")], { stdio: "inherit" })
    }),
    stop
  )
  for (const end = performance.now() + stay * 1_000; performance.now() < end;) {
    yield* Effect.sleep("100 millis")
    most = Math.max(most, megabytes(pid))
  }
  const { harmed, p50, p99 } = healthy
  // A copy, because the delivery in flight fails when the receiver stops.
  return { before, more: most - before, p50, p99, harmed: [...harmed] }
}, Effect.scoped)

const secretFile = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "threeqpr-crowd-"))),
  (folder) => Effect.sync(() => rmSync(folder, { recursive: true }))
).pipe(Effect.map((folder) => {
  const file = join(folder, "secret")
  writeFileSync(file, Redacted.value(secret))
  return file
}))

const megabytes = (pid: number) => usageOf(pid).residentBytes / 1_048_576
