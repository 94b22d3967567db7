import { Console, Effect } from "effect"
import { ours, secret } from "../Contest.ts"
import type { Load } from "../load.ts"
import type { Part } from "../Part.ts"
import { output, start } from "../Program.ts"
import { broker } from "../Stores.ts"
import { usageOf } from "../Usage.ts"

const steps = 10

/** The resident memory of the ingress process during a long, uninterrupted load. */
export const memory: Part = {
  name: "memory",
  about: "resident memory and CPU per event of an ingress process, over a million events (--size)",
  run: Effect.fnUntraced(function*({ connections, runtimes, size = 1_000_000 }) {
    const rows: Array<Record<string, string | number>> = []
    const failures: Array<string> = []
    for (const runtime of runtimes) {
      const store = yield* broker
      const { args = [], script } = ours(runtime, store)
      const program = yield* start(runtime, script, args, {
        ...store.environment,
        THREEQPR_WEBHOOK_SECRET: secret,
        LOG_LEVEL: "Error"
      })
      const row: Record<string, string | number> = { on: runtime, start: megabytes(program.pid) }
      for (let step = 1; step <= steps; step++) {
        const cpu = usageOf(program.pid).cpuSeconds
        const events = Math.ceil(size / steps)
        const url = `${program.url}/webhooks/3qpr`
        const text = yield* output("node", "./load.ts", [url, String(connections), `${events}x`], {
          THREEQPR_WEBHOOK_SECRET: secret
        })
        const { ok }: Load = JSON.parse(text)
        const micros = (usageOf(program.pid).cpuSeconds - cpu) * 1e6 / ok
        row[`${step * events}`] = `${megabytes(program.pid)} MB, ${micros.toFixed(0)} µs`
        const stored = yield* store.count()
        if (stored !== step * events) failures.push(`${step * events} sent, ${stored} stored`)
        yield* Console.error(`${runtime}: ${step * events} events, ${row[`${step * events}`]}`)
      }
      rows.push(row)
    }
    return { rows, notes: [], failures }
  }, Effect.scoped)
}

const megabytes = (pid: number) => Math.round(usageOf(pid).residentBytes / 1_048_576)
