/**
 * Peer (e), the guide's own sample: Express, and a Set of known ids. Nothing is stored: events answered 200, and the
 * known ids, are lost with the process.
 */
import express from "express"
import { isSigned } from "./signature.js"

const seen = new Set()
const app = express()
app.use(express.raw({ type: "*/*", limit: "1mb" }))
app.post("/webhooks/3qpr", (request, response) => {
  if (!isSigned(request.body, request.get("x-3qpr-signature"))) return response.status(400).send("invalid signature")
  const event = JSON.parse(request.body.toString())
  seen.add(event.id)
  response.json({ ok: true })
})
app.get("/count", (_, response) => response.send(String(seen.size)))
app.listen(Number(process.env.PORT), "127.0.0.1")
