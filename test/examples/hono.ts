// Receives 3QPR's webhooks in a Hono app. On Node an adapter serves it; on Deno, `Deno.serve(app.fetch)` does too.
import { Hono } from "hono"
import { createServer } from "node:http"
import process from "node:process"
import { nodeHandler, webhookHandler } from "threeqpr-events/ingress"

const handler = webhookHandler({
  secrets: process.env["THREEQPR_WEBHOOK_SECRET"] ?? "",
  natsUrl: process.env["NATS_URL"] ?? "nats://127.0.0.1:4222",
  token: process.env["NATS_TOKEN"]
})

const app = new Hono()
app.post("/webhooks/3qpr", (context) => handler(context.req.raw))

const server = createServer(nodeHandler(async (request) => app.fetch(request)))
server.listen(Number(process.env["PORT"] ?? 3000))
process.once("SIGTERM", () => server.close(() => void handler.close()))
