import { Buffer } from "node:buffer"
import type { ServerResponse } from "node:http"
import type { Health } from "../EventLog/EventLog.ts"

/** Answers with JSON. Does nothing when the client has gone or an answer was already given. */
export const answer = (
  response: ServerResponse,
  status: number,
  body: object,
  headers: Readonly<Record<string, string>> = {}
): void => {
  if (response.headersSent || response.destroyed) return
  const text = JSON.stringify(body)
  response.writeHead(status, {
    "content-type": "application/json",
    "content-length": Buffer.byteLength(text),
    ...headers
  })
  response.end(text)
}

/** Not stored: the provider has to deliver again. */
export const answerUnavailable = (response: ServerResponse): void =>
  answer(response, 503, { error: "unavailable" }, { "retry-after": "5" })

/** Strangers can ask too, so this says nothing of the broker that the log is on. */
export const answerHealth = (response: ServerResponse, health: Health): void =>
  answer(response, health.ready ? 200 : 503, health)
