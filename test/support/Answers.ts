import { Effect, type Scope } from "effect"
import { createServer, type IncomingMessage, type ServerResponse } from "node:http"

/** How a server handles a request: with an answer, or with anything else, such as a cut connection. */
export type Answer = (response: ServerResponse, request: IncomingMessage) => void

/** A server that gives its answers one after another, and repeats the last one. */
export interface Answers {
  readonly url: string
  readonly port: number
  /** The requests received so far. */
  readonly requests: ReadonlyArray<{
    readonly method: string
    readonly url: string
    readonly at: number
    readonly authorization: string | undefined
  }>
}

export const answers = (
  given: ReadonlyArray<Answer>,
  port = 0
): Effect.Effect<Answers, never, Scope.Scope> => {
  const requests: Array<Answers["requests"][number]> = []
  const server = createServer((request, response) => {
    const { headers: { authorization }, method = "", url = "" } = request
    requests.push({ method, url, at: Date.now(), authorization })
    request.resume().once(
      "end",
      () => given[Math.min(requests.length, given.length) - 1]?.(response, request)
    )
  })
  return Effect.acquireRelease(
    Effect.callback<Answers>((resume) => {
      server.listen(port, "127.0.0.1", () => {
        const address = server.address()
        const port = typeof address === "object" && address ? address.port : 0
        resume(Effect.succeed({ url: `http://127.0.0.1:${port}`, port, requests }))
      })
    }),
    () =>
      Effect.callback<void>((resume) => {
        server.close(() => resume(Effect.void))
        server.closeAllConnections()
      })
  )
}

export const json =
  (status: number, body: unknown, headers: Readonly<Record<string, string>> = {}): Answer => (response) =>
    void response.writeHead(status, { "content-type": "application/json", ...headers })
      .end(JSON.stringify(body))

/** Cuts the connection without an answer. */
export const cut: Answer = (response) => void response.socket?.destroy()

/** Never answers. */
export const silence: Answer = () => {}
