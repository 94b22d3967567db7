/**
 * A load generator for one URL, in a process of its own: `load.ts <url> <connections> <seconds>`. Each
 * connection sends a new signed event as soon as the last one is answered (closed loop). Prints one JSON
 * line. The secret is in THREEQPR_WEBHOOK_SECRET.
 */
import { Buffer } from "node:buffer"
import { createHmac, randomUUID } from "node:crypto"
import { connect } from "node:net"
import { scanOfTheReference } from "../support/Webhook.ts"

/** What one run saw. */
export interface Load {
  readonly ok: number
  readonly others: number
  readonly perSecond: number
  /** Milliseconds. */
  readonly p50: number
  readonly p99: number
}

const [target = "", connections = "64", seconds = "5"] = process.argv.slice(2)
const url = new URL(target)
const secret = process.env["THREEQPR_WEBHOOK_SECRET"] ?? ""
const run = randomUUID().slice(0, 8)
let sent = 0
let ok = 0
let others = 0
const latencies: Array<number> = []

const nextRequest = () => {
  const id = sent++
  const body = JSON.stringify({
    id: `evt_${run}_${id}`,
    event: "scan.created",
    data: {
      ...scanOfTheReference,
      id: `scan_${run}_${id}`,
      metadata: { campaign: "spring", note: "x".repeat(240) }
    }
  })
  const signature = createHmac("sha256", secret).update(body).digest("hex")
  return `POST ${url.pathname} HTTP/1.1\r\nHost: ${url.host}\r\nContent-Type: application/json\r\n`
    + `X-3QPR-Signature: sha256=${signature}\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`
}

const client = (until: number) =>
  new Promise<void>((resolve, reject) => {
    const socket = connect(Number(url.port), url.hostname)
    socket.setNoDelay(true).setEncoding("latin1")
    let started = 0
    let received = ""
    const next = () => {
      started = performance.now()
      if (started >= until) return socket.end(resolve)
      socket.write(nextRequest())
    }
    socket.on("connect", next)
    socket.on("error", reject)
    socket.on("data", (chunk: string) => {
      received += chunk
      const head = received.indexOf("\r\n\r\n")
      if (head < 0) return
      const length = /content-length: (\d+)/i.exec(received)?.[1]
      const whole = length === undefined
        ? received.endsWith("0\r\n\r\n")
        : received.length >= head + 4 + Number(length)
      if (!whole) return
      latencies.push(performance.now() - started)
      if (received.startsWith("HTTP/1.1 200")) ok++
      else others++
      received = ""
      next()
    })
  })

const began = performance.now()
const until = began + Number(seconds) * 1_000
await Promise.all(Array.from({ length: Number(connections) }, () => client(until)))
const elapsed = performance.now() - began
latencies.sort((a, b) => a - b)
const quantile = (q: number) => latencies[Math.floor(q * latencies.length)] ?? 0
const load: Load = { ok, others, perSecond: ok / (elapsed / 1_000), p50: quantile(0.5), p99: quantile(0.99) }
process.stdout.write(`${JSON.stringify(load)}\n`)
