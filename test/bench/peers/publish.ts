/**
 * Peer (a), a simple receiver without a framework: node:http that checks the signature, parses the body and awaits
 * `js.publish`. No limits, no schema, no deadline.
 */
import { connect, headers } from "nats"
import { Buffer } from "node:buffer"
import { createHmac, timingSafeEqual } from "node:crypto"
import { createServer } from "node:http"

const secret = process.env["THREEQPR_WEBHOOK_SECRET"] ?? ""
const token = process.env["NATS_TOKEN"]
const connection = await connect({ servers: process.env["NATS_URL"] ?? "", ...(token && { token }) })
const jetstream = connection.jetstream()

const answer = async (body: Buffer, signature: string) => {
  const expected = Buffer.from(`sha256=${createHmac("sha256", secret).update(body).digest("hex")}`)
  const given = Buffer.from(signature)
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) {
    return { status: 400, text: `{"error":"invalid_signature"}` }
  }
  const event = JSON.parse(body.toString("utf8"))
  const messageHeaders = headers()
  messageHeaders.set("Nats-Msg-Id", event.id)
  const ack = await jetstream.publish(`3qpr.events.${event.event}`, body, { headers: messageHeaders })
  return { status: 200, text: JSON.stringify({ ok: true, id: event.id, duplicate: ack.duplicate }) }
}

createServer((request, response) => {
  const chunks: Array<Buffer> = []
  request.on("data", (chunk: Buffer) => chunks.push(chunk))
  request.on("end", () =>
    answer(Buffer.concat(chunks), String(request.headers["x-3qpr-signature"])).then(
      ({ status, text }) => {
        response.writeHead(status, { "content-type": "application/json" })
        response.end(text)
      },
      () => {
        response.writeHead(503)
        response.end()
      }
    ))
}).listen(Number(process.env["PORT"]), "127.0.0.1")
