import process from "node:process"
import type { WebhookOptions } from "../../../src/ingress.ts"

/** The options of a handler that is measured. */
export const options: WebhookOptions = {
  secrets: process.env["THREEQPR_WEBHOOK_SECRET"] ?? "",
  natsUrl: process.env["NATS_URL"] ?? "",
  token: process.env["NATS_TOKEN"]
}
