import { Effect, Redacted } from "effect"
import { FileSystem } from "effect"
import { readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { isDeepStrictEqual } from "node:util"
import { outcomes } from "../../src/Process/Metrics.ts"
import { drawsOf } from "../support/Faults/Bodies.ts"
import { send } from "../support/Http.ts"
import * as NatsProcess from "../support/NatsProcess.ts"
import * as Postgres from "../support/Postgres.ts"
import { serve } from "../support/Serve.ts"
import { canContinue, type Case, drawKind } from "./Case.ts"
import { kinds } from "./Cases.ts"
import { compare } from "./Compare.ts"
import { floor } from "./Floor.ts"
import { Healthy } from "./Healthy.ts"
import { hashOf, Ledger, secret } from "./Ledger.ts"
import { type Next, nextOf } from "./Next.ts"
import { storms, type Weather } from "./Storms.ts"
import { type Exchange, exchange } from "./Wire.ts"

export interface FuzzOptions {
  readonly seed: number
  readonly seconds: number
  readonly say?: (text: string) => void
}

/** The results of a run. */
export interface Report {
  readonly seed: number
  readonly seconds: number
  readonly cases: number
  /** The number of cases by kind. */
  readonly kinds: Readonly<Record<string, number>>
  readonly statuses: Readonly<Record<string, number>>
  readonly outcomes: Readonly<Record<string, number>>
  /** Wrong answers and other violations. */
  readonly problems: ReadonlyArray<string>
  /** Resident memory in mebibytes: at the start, at its maximum, and at the end. */
  readonly memory: { readonly first: number; readonly most: number; readonly last: number }
  /** Turns of the event loop of 20 ms or more, in milliseconds. */
  readonly blocked: ReadonlyArray<number>
  /** The longest turn of a handler that does nothing, in milliseconds, measured before the run. */
  readonly floor: number
  readonly healthy: { readonly count: number; readonly p50: number; readonly p99: number }
  readonly stored: number
}

/** The token of the private listener, which no case sends. */
const adminToken = Redacted.make("the-token-of-the-operator")

const maxInFlight = 64
const maxBodyBytes = 1_048_576
const workers = 16

/** Sends cases to a real `serve` with a real broker for some seconds, and compares the results with the stream. */
export const fuzz = Effect.fnUntraced(function*({ say = () => {}, seconds, seed }: FuzzOptions) {
  const lowest = yield* floor
  say(`a handler that does nothing: a turn of up to ${lowest} ms`)
  const fs = yield* FileSystem.FileSystem
  const secretFile = `${yield* fs.makeTempDirectoryScoped()}/secret`
  yield* fs.writeFileString(secretFile, Redacted.value(secret))
  const broker = yield* NatsProcess.start()
  const postgres = yield* Postgres.start
  const target = yield* serve(
    {
      NATS_URL: broker.url,
      NATS_TOKEN: broker.token,
      DATABASE_URL: postgres.url,
      THREEQPR_WEBHOOK_SECRET_FILE: secretFile,
      ADMIN_TOKEN: Redacted.value(adminToken),
      MAX_IN_FLIGHT: String(maxInFlight),
      MAX_BODY_BYTES: String(maxBodyBytes)
    },
    ["--role", "ingress", "--role", "admin"],
    { preload: fileURLToPath(new URL("probe.ts", import.meta.url)) }
  )
  const started = target.logs.length
  const port = Number(new URL(target.webhook).port)
  const privatePort = Number(new URL(target.admin).port)
  const ledger = new Ledger(`${seed}_${Math.floor(Date.now() / 1_000)}`)
  const healthy = new Healthy(port, ledger)
  const problems: Array<string> = []
  const counted: Record<string, number> = {}
  const statuses: Record<string, number> = {}
  const draw = drawsOf(seed)
  let memory = { first: 0, most: 0, last: 0 }
  const weigh = () => {
    const now = Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${target.pid}/status`, "utf8"))?.[1]) / 1_024
    memory = { first: memory.first || now, most: Math.max(memory.most, now), last: now }
  }

  const count = (kind: string) => void (counted[kind] = (counted[kind] ?? 0) + 1)
  const told = new Map<string, number>()
  const found = (kind: string, what: string) => {
    const times = (told.get(kind) ?? 0) + 1
    told.set(kind, times)
    if (times <= 3) problems.push(`${kind}: ${what}`)
  }
  const look = (kind: string, { end, responses, rest }: Exchange) => {
    count(kind)
    for (const { status } of responses) {
      statuses[status] = (statuses[status] ?? 0) + 1
      if (status >= 500 && status !== 503 && status !== 505) found(kind, `answered ${status}`)
    }
    if (rest !== "") found(kind, `came over the wire: ${JSON.stringify(rest)}`)
    if (end === "timeout") found(kind, `neither an answer nor an end, after ${responses.length} answers`)
  }
  const judge = (one: Case, done: Exchange, next: Next | undefined) => {
    look(one.kind, done)
    if (done.continued) {
      count("second request behind a refused one")
      const second = done.responses[one.answers.length]
      if (second?.status !== 200) {
        found(one.kind, `the next request got ${second?.status ?? "no answer"}: ${shown(one)}`)
      } else if (next?.id !== undefined) ledger.stored.add(next.id)
    }
    const own = done.continued ? done.responses.slice(0, one.answers.length) : done.responses
    for (const [index, { body, status }] of own.entries()) {
      const allowed = one.answers[index] ?? []
      if (!allowed.includes(status)) {
        found(
          one.kind,
          `request ${index + 1} was answered ${status} ${JSON.stringify(body.slice(0, 200))}, not ${
            allowed.join(" or ")
          }: ${shown(one)}`
        )
      }
      const signed = one.bodies?.[index]
      if (status !== 200 || !body.includes(`"duplicate"`)) continue
      const receipt = JSON.parse(body)
      const id = receipt.id ?? (signed && `sha256:${hashOf(signed)}`)
      if (id !== undefined) ledger.stored.add(id)
    }
    // After an answer with `Connection: close`, the server does not read what follows an unread body.
    const closed = one.listener === "private" && done.responses.at(-1)?.closes === true
    if (!one.mayClose && !closed && done.responses.length < one.answers.length) {
      found(one.kind, `${done.responses.length} answers of ${one.answers.length}: ${shown(one)}`)
    }
  }

  const weather: Weather = {
    port,
    broker,
    draw,
    ledger,
    healthy,
    maxInFlight,
    ready: () => fetch(new URL("/readyz", target.webhook)).then(({ ok }) => ok, () => false),
    see: (kind, done, allowed, mustAnswer) => {
      look(kind, done)
      for (const { status } of done.responses) {
        if (!allowed.includes(status)) found(kind, `answered ${status}, not ${allowed.join(" or ")}`)
      }
      if (mustAnswer && done.responses.length === 0) found(kind, "no answer")
    }
  }

  yield* Effect.promise(async () => {
    const until = performance.now() + seconds * 1_000
    const running = healthy.run()
    weigh()
    const scale = setInterval(weigh, 50)
    let storming = false
    // Runs each kind at least once, even in a short run.
    const notYet = [...kinds]
    const worker = async () => {
      while (performance.now() < until) {
        if (storming) {
          await new Promise((wake) => setTimeout(wake, 20))
          continue
        }
        const { kind, make } = notYet.pop() ?? drawKind(draw, kinds)
        const one = { kind, ...make({ draw, ledger, maxBodyBytes }) }
        const to = one.listener === "private" ? privatePort : port
        const means = { draw, ledger, maxBodyBytes }
        const next = canContinue(one) ? nextOf(one, means) : undefined
        const options = { answers: one.answers.length, head: one.head ?? false, next: next?.bytes }
        judge(one, await exchange(to, one.steps, options), next)
        // Leaves the processor to the server, so that the measurement does not slow itself down.
        await new Promise((wake) => setTimeout(wake, 10))
      }
    }
    const storm = async () => {
      for (let next = 0; performance.now() < until || next < storms.length; next++) {
        const { blow, kind } = pick(storms, next)
        const before = target.logs.length
        // While the broker is suspended, a missing answer cannot be distinguished from a wrong refusal.
        storming = kind === "the broker is suspended"
        if (storming) await new Promise((wake) => setTimeout(wake, 500))
        await blow(weather)
        storming = false
        await new Promise((wake) => setTimeout(wake, 1_000))
        const blocks = target.logs.slice(before).filter((line) => line.includes("blocked"))
        say(
          `${kind}: ${memory.last.toFixed(0)} MiB, healthy p99 ${healthy.p99.toFixed(0)} ms ${
            blocks.join(", ")
          }`
        )
      }
    }
    await Promise.all([storm(), ...Array.from({ length: workers }, worker)])
    healthy.stop()
    await running
    clearInterval(scale)
    weigh()
  })

  const authorization = `Bearer ${Redacted.value(adminToken)}`
  const { body: metrics } = yield* send(`${target.admin}/metrics`, { headers: { authorization } })
  const { body: operations } = yield* send(`${target.admin}/v1/operations`, { headers: { authorization } })
  if (!isDeepStrictEqual(operations, { operations: [] })) {
    found("a client without a token", `began ${JSON.stringify(operations)}`)
  }
  const seen = Object.fromEntries(outcomes.map((outcome) => [
    outcome,
    Number(
      new RegExp(`^threeqpr_deliveries_total\\{outcome="${outcome}"\\} (\\d+)`, "m").exec(String(metrics))
        ?.[1] ?? 0
    )
  ]))
  for (const line of target.logs.filter((line) => line.includes("unexpected error"))) found("log", line)
  for (const harm of healthy.harmed) found("healthy client", harm)
  const stored = yield* Effect.promise(() => compare(broker, ledger, found))
  return {
    seed,
    seconds,
    cases: Object.values(counted).reduce((sum, count) => sum + count, 0),
    kinds: counted,
    statuses,
    outcomes: seen,
    problems,
    memory,
    floor: lowest,
    blocked: target.logs.slice(started).flatMap((line) => /blocked for (\d+) ms/.exec(line)?.[1] ?? []).map(
      Number
    ),
    healthy: { count: healthy.took.length, p50: healthy.p50, p99: healthy.p99 },
    stored
  } satisfies Report
})

const pick = (all: typeof storms, index: number) => {
  const storm = all[index % all.length]
  if (storm === undefined) throw new Error("no storms")
  return storm
}

const shown = ({ steps }: Case) =>
  steps.map((step) =>
    typeof step === "object"
      ? JSON.stringify(String.fromCharCode(...step.subarray(0, 160))).slice(0, 300)
      : step
  )
    .slice(0, 3).join(" ")
