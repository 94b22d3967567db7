// Receives 3QPR's webhooks in a Fastify server. A plugin keeps Fastify from parsing their bodies.
import fastify from "fastify"
import process from "node:process"
import { nodeHandler, webhookHandler } from "threeqpr-events/ingress"

const handler = webhookHandler({
  secrets: process.env["THREEQPR_WEBHOOK_SECRET"] ?? "",
  natsUrl: process.env["NATS_URL"] ?? "nats://127.0.0.1:4222",
  token: process.env["NATS_TOKEN"]
})

// Without this, `close` can wait 72 seconds for a connection that a client keeps open.
const app = fastify({ forceCloseConnections: true })
app.addHook("onClose", () => handler.close())
app.register(async (scope) => {
  scope.removeAllContentTypeParsers()
  scope.addContentTypeParser("*", (_request, _payload, done) => done(null))
  scope.post("/webhooks/3qpr", (request, reply) => {
    reply.hijack()
    void nodeHandler(handler)(request.raw, reply.raw)
  })
})

await app.listen({ port: Number(process.env["PORT"] ?? 3000) })
process.once("SIGTERM", () => void app.close())
