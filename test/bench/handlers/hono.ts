/** The web handler in a Hono app on Node, as in test/examples/hono.ts. */
import { Hono } from "hono"
import { createServer } from "node:http"
import process from "node:process"
import { nodeHandler, webhookHandler } from "../../../src/ingress.ts"
import { options } from "./options.ts"

const handler = webhookHandler(options)
const app = new Hono()
app.post("/webhooks/3qpr", (context) => handler(context.req.raw))
createServer(nodeHandler(async (request) => app.fetch(request))).listen(
  Number(process.env["PORT"]),
  "127.0.0.1"
)
