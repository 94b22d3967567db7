import { Buffer } from "node:buffer"
import type { ServerResponse } from "node:http"
import type { Health } from "../EventLog/EventLog.ts"

type ResponseHeaders = Readonly<Record<string, string>>

/** Every error response to a delivery: its status, and headers that any server can send. */
const refusals = {
  missing_signature: [400, {}],
  ambiguous_signature: [400, {}],
  invalid_signature: [400, {}],
  method_not_allowed: [405, { allow: "POST" }],
  body_too_slow: [408, {}],
  body_too_large: [413, {}],
  unsupported_encoding: [415, {}],
  // Not stored: the provider must deliver again.
  unavailable: [503, { "retry-after": "5" }]
} as const satisfies Readonly<Record<string, readonly [status: number, headers: ResponseHeaders]>>

export type Refusal = keyof typeof refusals

/** Responds with JSON. Does nothing if the client has disconnected or a response was already sent. */
export const answer = (
  response: ServerResponse,
  status: number,
  body: object,
  headers: ResponseHeaders = {}
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

export const refuse = (response: ServerResponse, error: Refusal, more: ResponseHeaders = {}): void => {
  const [status, headers] = refusals[error]
  answer(response, status, { error }, { ...headers, ...more })
}

/** Responds that the delivery is not stored, so that the provider delivers again. */
export const answerUnavailable = (response: ServerResponse): void => refuse(response, "unavailable")

/** Responds with the health of the log. Anyone can request this, so it does not describe the broker. */
export const answerHealth = (response: ServerResponse, health: Health): void =>
  answer(response, health.ready ? 200 : 503, health)

/** The same responses for servers that use a web `Response`. */
export const web = {
  receipt: (body: object): Response => Response.json(body),
  refusal: (error: Refusal): Response => {
    const [status, headers] = refusals[error]
    return Response.json({ error }, { status, headers })
  }
}
