/** The path at which the public listener receives webhooks. */
export const webhookPath = "/webhooks/3qpr"

/** The URL of the webhook of a server on this machine. */
export const localWebhook = (port: number | string) => `http://localhost:${port}${webhookPath}`
