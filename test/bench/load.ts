/**
 * The load generator, which runs as a separate process.
 * Usage: `load.ts <url> <connections> <seconds | number of events>`.
 * A number of events ends with `x`.
 *
 * Each connection stays open and sends a new signed event of some 600 bytes once the last one is answered (closed
 * loop). As many events as possible are created and signed before the clock starts. Prints one JSON line. The secret
 * is in THREEQPR_WEBHOOK_SECRET.
 */
import { Buffer } from "node:buffer"
import { createHmac, randomUUID } from "node:crypto"
import { connect } from "node:net"
import { scanOfTheReference } from "../support/Webhook.ts"

/** The results of one run. */
export interface Load {
  readonly ok: number
  readonly others: number
  readonly perSecond: number
  /** Milliseconds. */
  readonly p50: number
  readonly p99: number
  /** CPU seconds of the load generator. */
  readonly cpuSeconds: number
}

const [target = "", connections = "64", length = "3"] = process.argv.slice(2)
const url = new URL(target)
const secret = process.env["THREEQPR_WEBHOOK_SECRET"] ?? ""
const seconds = length.endsWith("x") ? Infinity : Number(length)
const events = length.endsWith("x") ? Number.parseInt(length) : Infinity
const run = randomUUID().slice(0, 8)

const requestOf = (at: number): Buffer => {
  const body = JSON.stringify({
    id: `evt_${run}_${at}`,
    event: "scan.created",
    data: {
      ...scanOfTheReference,
      id: `scan_${run}_${at}`,
      metadata: { campaign: "spring", note: "x".repeat(240) }
    }
  })
  const signature = createHmac("sha256", secret).update(body).digest("hex")
  return Buffer.from(
    `POST ${url.pathname} HTTP/1.1\r\nHost: ${url.host}\r\nContent-Type: application/json\r\n`
      + `X-3QPR-Signature: sha256=${signature}\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    "latin1"
  )
}

// More than any contender accepts in that time, but not more than fits into memory.
const made = Array.from({ length: Math.min(25_000 * seconds, events, 200_000) }, (_, at) => requestOf(at))
let sent = 0
let ok = 0
let others = 0
const latencies: Array<number> = []

const client = (until: number) =>
  new Promise<void>((resolve, reject) => {
    const socket = connect(Number(url.port), url.hostname)
    socket.setNoDelay(true).setEncoding("latin1")
    let started = 0
    let received = ""
    const next = () => {
      started = performance.now()
      if (started >= until || sent >= events) return socket.end(resolve)
      const at = sent++
      socket.write(made[at] ?? requestOf(at))
    }
    socket.on("connect", next)
    socket.on("error", reject)
    socket.on("data", (chunk: string) => {
      received = received === "" ? chunk : received + chunk
      if (!isWhole(received)) return
      latencies.push(performance.now() - started)
      if (received.startsWith("HTTP/1.1 200")) ok++
      else others++
      received = ""
      next()
    })
  })

const isWhole = (response: string) => {
  const head = response.indexOf("\r\n\r\n")
  if (head < 0) return false
  const length = /content-length: (\d+)/i.exec(response)?.[1]
  return length === undefined ? response.endsWith("0\r\n\r\n") : response.length >= head + 4 + Number(length)
}

const before = process.cpuUsage()
const began = performance.now()
await Promise.all(Array.from({ length: Number(connections) }, () => client(began + seconds * 1_000)))
const elapsed = performance.now() - began
const { system, user } = process.cpuUsage(before)
latencies.sort((a, b) => a - b)
const quantile = (q: number) => latencies[Math.floor(q * latencies.length)] ?? NaN
const load: Load = {
  ok,
  others,
  perSecond: ok / (elapsed / 1_000),
  p50: quantile(0.5),
  p99: quantile(0.99),
  cpuSeconds: (user + system) / 1e6
}
process.stdout.write(`${JSON.stringify(load)}\n`)
