/**
 * Peer (c), the guide's "use Redis in production": Express, and BullMQ on Redis. The event's id is the job's id, so
 * that a repeated delivery is one job. Redis keeps an append-only file that is synced every second.
 */
import { Queue } from "bullmq"
import express from "express"
import { isSigned } from "./signature.js"

const queue = new Queue("events", { connection: { host: "127.0.0.1", port: Number(process.env.REDIS_PORT) } })
const app = express()
app.use(express.raw({ type: "*/*", limit: "1mb" }))
app.post("/webhooks/3qpr", async (request, response) => {
  if (!isSigned(request.body, request.get("x-3qpr-signature"))) {
    return response.status(400).json({ error: "invalid_signature" })
  }
  const event = JSON.parse(request.body.toString())
  await queue.add(event.event, event, { jobId: event.id })
  response.json({ ok: true, id: event.id })
})
app.get("/count", async (_, response) => response.send(String(await queue.getWaitingCount())))
app.listen(Number(process.env.PORT), "127.0.0.1")
