/**
 * Peer (b), the limit: like (a), but all PubAcks arrive through one inbox subscription, so that a publish needs no
 * request of its own. No limits, no schema, no deadline.
 */
import { connect, createInbox, headers } from "nats"
import { Buffer } from "node:buffer"
import { createHmac, timingSafeEqual } from "node:crypto"
import { createServer } from "node:http"

interface PubAck {
  readonly seq?: number
  readonly duplicate?: boolean
}

const secret = process.env["THREEQPR_WEBHOOK_SECRET"] ?? ""
const token = process.env["NATS_TOKEN"]
const connection = await connect({ servers: process.env["NATS_URL"] ?? "", ...(token && { token }) })
const inbox = createInbox()
const waiting = new Map<string, (ack: PubAck) => void>()
let published = 0

connection.subscribe(`${inbox}.*`, {
  callback: (_, message) => {
    const id = message.subject.slice(inbox.length + 1)
    waiting.get(id)?.(message.json<PubAck>())
    waiting.delete(id)
  }
})

createServer((request, response) => {
  const chunks: Array<Buffer> = []
  const answer = (status: number, body: object) => {
    response.writeHead(status, { "content-type": "application/json" })
    response.end(JSON.stringify(body))
  }
  request.on("data", (chunk: Buffer) => chunks.push(chunk))
  request.on("end", () => {
    const body = Buffer.concat(chunks)
    const expected = Buffer.from(`sha256=${createHmac("sha256", secret).update(body).digest("hex")}`)
    const given = Buffer.from(String(request.headers["x-3qpr-signature"]))
    if (given.length !== expected.length || !timingSafeEqual(given, expected)) {
      return answer(400, { error: "invalid_signature" })
    }
    const event = JSON.parse(body.toString("utf8"))
    const messageHeaders = headers()
    messageHeaders.set("Nats-Msg-Id", event.id)
    const id = String(published++)
    waiting.set(
      id,
      ({ duplicate = false, seq }) =>
        seq === undefined
          ? answer(503, { error: "unavailable" })
          : answer(200, { ok: true, id: event.id, duplicate })
    )
    connection.publish(`3qpr.events.${event.event}`, body, {
      headers: messageHeaders,
      reply: `${inbox}.${id}`
    })
  })
}).listen(Number(process.env["PORT"]), "127.0.0.1")
