/** `threeqpr-events/ingress`: receives 3QPR's webhooks in your own server. */
export type { Entry, Stored } from "./EventLog/EventLog.ts"
export { nodeHandler } from "./Ingress/NodeHandler.ts"
export {
  type PlainLog,
  type WebhookHandler,
  webhookHandler,
  type WebhookOptions
} from "./Ingress/WebHandler.ts"
export { OptionsInvalid } from "./Process/Options.ts"
