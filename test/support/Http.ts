import { Effect } from "effect"
import { connect } from "node:net"
import * as Signature from "../../src/Signature/Signature.ts"

/** An answer: its status, headers and JSON body (or text where it is none). */
export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly body: unknown
}

export const send = (url: string, init: RequestInit = {}) =>
  Effect.promise(async (signal): Promise<Answer> => {
    const response = await fetch(url, { ...init, signal })
    const text = await response.text()
    const json = response.headers.get("content-type")?.includes("json")
    return { status: response.status, headers: response.headers, body: json ? JSON.parse(text) : text }
  })

/** Delivers a body as 3QPR does: a POST of JSON with one signature header. */
export const deliver = (
  url: string,
  { body, signature }: { readonly body: Uint8Array; readonly signature: string },
  headers: Readonly<Record<string, string>> = {}
) =>
  send(url, {
    method: "POST",
    body: new Uint8Array(body),
    headers: { "content-type": "application/json", [Signature.header]: signature, ...headers }
  })

/** Writes bytes to a socket unchanged, and returns everything that arrives until the server closes. */
export const raw = (port: number, ...parts: ReadonlyArray<string | Uint8Array>) =>
  exchange(port, parts, () => false)

/** Like `raw`, but ends after one complete JSON answer, because some servers leave the connection open. */
export const rawAnswer = (port: number, ...parts: ReadonlyArray<string | Uint8Array>) =>
  exchange(port, parts, (received) => /\r\n\r\n[^]*\}/.test(received))

const exchange = (
  port: number,
  parts: ReadonlyArray<string | Uint8Array>,
  isEnd: (received: string) => boolean
) =>
  Effect.callback<string>((resume) => {
    const socket = connect(port, "127.0.0.1")
    let received = ""
    socket.setEncoding("utf8")
    socket.on("data", (text) => {
      received += text
      if (isEnd(received)) socket.destroy()
    })
    socket.on("error", (error) => void (received += `[${error.message}]`))
    socket.on("close", () => resume(Effect.succeed(received)))
    for (const part of parts) socket.write(part)
    return Effect.sync(() => socket.destroy())
  })
