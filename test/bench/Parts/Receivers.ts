import { Console, Effect } from "effect"
import { availableParallelism } from "node:os"
import { ours, secret } from "../Contest.ts"
import type { Load } from "../load.ts"
import { median } from "../Median.ts"
import type { Part } from "../Part.ts"
import { output, start } from "../Program.ts"
import { broker } from "../Stores.ts"
import { usageOf } from "../Usage.ts"

const counts = [1, 2, 4]

/** The combined throughput of several ingress processes. Each has its own port and its share of the connections. */
export const receivers: Part = {
  name: "receivers",
  about: "requests/s of 1, 2 and 4 ingress processes on one broker, the load shared between them",
  onlyWhenNamed: true,
  run: Effect.fnUntraced(function*({ connections, rounds, runtimes: [runtime = "node"], seconds }) {
    const store = yield* broker
    const { args = [], script } = ours(runtime, store)
    const programs = yield* Effect.forEach(
      Array.from({ length: Math.max(...counts) }),
      () =>
        start(runtime, script, args, {
          ...store.environment,
          THREEQPR_WEBHOOK_SECRET: secret,
          LOG_LEVEL: "Error"
        })
    )
    const run = Effect.fnUntraced(function*(processes: number, length: number) {
      const used = programs.slice(0, processes)
      const before = { stored: yield* store.count(), cpu: used.map(({ pid }) => usageOf(pid).cpuSeconds) }
      const loads = yield* Effect.forEach(used, ({ url }) =>
        Effect.map(
          output("node", "./load.ts", [
            `${url}/webhooks/3qpr`,
            String(connections / processes),
            String(length)
          ], { THREEQPR_WEBHOOK_SECRET: secret }),
          (text): Load => JSON.parse(text)
        ), { concurrency: processes })
      const sum = (value: (load: Load) => number) => loads.reduce((all, load) => all + value(load), 0)
      const ok = sum((load) => load.ok)
      const cpu = used.reduce((all, { pid }, at) => all + usageOf(pid).cpuSeconds - (before.cpu[at] ?? 0), 0)
      const failed = sum((load) => load.others) > 0 || (yield* store.count()) - before.stored !== ok
      return { perSecond: sum((load) => load.perSecond), micros: cpu * 1e6 / ok, failed }
    })
    for (const processes of counts) yield* run(processes, 2)
    const runs = new Map(
      counts.map((processes) => [processes, [] as Array<Effect.Success<ReturnType<typeof run>>>])
    )
    for (let round = 0; round < rounds; round++) {
      yield* Console.error(`round ${round + 1} of ${rounds}`)
      for (const processes of round % 2 === 0 ? counts : counts.toReversed()) {
        runs.get(processes)?.push(yield* run(processes, seconds))
      }
    }
    const one = runs.get(1) ?? []
    return {
      rows: counts.map((processes) => {
        const own = runs.get(processes) ?? []
        return {
          processes,
          "requests/s": Math.round(median(own.map(({ perSecond }) => perSecond))),
          "against one": median(own.map(({ perSecond }, at) => perSecond / (one[at]?.perSecond ?? NaN)))
            .toFixed(2),
          "CPU µs/request": median(own.map(({ micros }) => micros)).toFixed(0)
        }
      }),
      notes: [`medians of ${rounds} rounds on ${availableParallelism()} cores with the broker and the load`],
      failures: [...runs].flatMap(([processes, own]) =>
        own.some(({ failed }) => failed)
          ? [`${processes} processes: not every request was a 200 that is stored`]
          : []
      )
    }
  })
}
