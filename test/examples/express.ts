// Receives 3QPR's webhooks in an Express server that also parses JSON elsewhere.
import express from "express"
import process from "node:process"
import { nodeHandler, webhookHandler } from "threeqpr-events/ingress"

const handler = webhookHandler({
  secrets: process.env["THREEQPR_WEBHOOK_SECRET"] ?? "",
  natsUrl: process.env["NATS_URL"] ?? "nats://127.0.0.1:4222",
  token: process.env["NATS_TOKEN"]
})

const app = express()
app.post("/webhooks/3qpr", nodeHandler(handler))
app.use(express.json())

const server = app.listen(Number(process.env["PORT"] ?? 3000))
process.once("SIGTERM", () => server.close(() => void handler.close()))
