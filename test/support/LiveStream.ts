import { Effect, type Scope } from "effect"
import { type ClientRequest, type IncomingMessage, request } from "node:http"
import type { LiveStatus, Skipped } from "../../src/Admin/Api/Live.ts"

/** A message of `/v1/live`. */
export interface Message {
  readonly id: string | undefined
  readonly event: string | undefined
  readonly data: unknown
}

/** A client of `/v1/live` that reads for itself, so that it can also leave off reading. */
export interface LiveStream {
  readonly status: number
  readonly headers: IncomingMessage["headers"]
  /** All that came, in order. */
  readonly messages: ReadonlyArray<Message>
  /** Of entries. */
  readonly sequences: () => ReadonlyArray<number>
  readonly statuses: () => ReadonlyArray<LiveStatus>
  readonly skips: () => ReadonlyArray<Skipped>
  readonly text: () => string
  /** Waits until what came fits. */
  readonly until: (fits: () => boolean) => Effect.Effect<void>
  readonly pause: () => void
  readonly resume: () => void
  /** Waits for the end; tells whether the server ended it, rather than that the connection broke. */
  readonly ended: Effect.Effect<boolean>
  readonly close: () => void
}

/** Connects, until the scope ends. */
export const live = (
  admin: string,
  { headers = {}, query = "" }: { readonly headers?: Record<string, string>; readonly query?: string } = {}
): Effect.Effect<LiveStream, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.callback<readonly [ClientRequest, IncomingMessage]>((resume) => {
      const asking = request(`${admin}/v1/live${query}`, { headers, agent: false })
      asking.once("response", (response) => resume(Effect.succeed([asking, response])))
      asking.once("error", (error) => resume(Effect.die(error)))
      asking.end()
    }),
    ([asking]) => Effect.sync(() => asking.destroy())
  ).pipe(Effect.map(([asking, response]) => {
    const messages: Array<Message> = []
    const waiting = new Set<() => void>()
    const looks = () => waiting.forEach((look) => look())
    let text = ""
    let rest = ""
    response.setEncoding("utf8")
    response.on("data", (chunk: string) => {
      text = (text + chunk).slice(0, 1_000_000)
      const parts = (rest + chunk).split("\n\n")
      rest = parts.pop() ?? ""
      for (const part of parts) {
        const message = messageOf(part)
        if (message.data !== undefined) messages.push(message)
      }
      looks()
    })
    const ended = new Promise<boolean>((resolve) => response.once("close", () => resolve(response.complete)))
    response.on("error", () => undefined)
    asking.on("error", () => undefined)
    const dataOf = <A>(event: string) =>
      messages.filter((message) => message.event === event).map(({ data }) => data as A)
    return {
      status: response.statusCode ?? 0,
      headers: response.headers,
      messages,
      sequences: () => messages.filter(({ event }) => event === "entry").map(({ id }) => Number(id)),
      statuses: () => dataOf<LiveStatus>("status"),
      skips: () => dataOf<Skipped>("skipped"),
      text: () => text,
      until: (fits) =>
        Effect.callback<void>((resume) => {
          const look = () => {
            if (!fits()) return
            waiting.delete(look)
            resume(Effect.void)
          }
          waiting.add(look)
          look()
          return Effect.sync(() => void waiting.delete(look))
        }),
      pause: () => void response.pause(),
      resume: () => void response.resume(),
      ended: Effect.promise(() => ended),
      close: () => void asking.destroy()
    }
  }))

const messageOf = (text: string): Message => {
  const fields = new Map(
    text.split("\n").map((line) => {
      const [, name = "", value = ""] = /^([^:]*):? ?(.*)$/.exec(line) ?? []
      return [name, value] as const
    })
  )
  const data = fields.get("data")
  return {
    id: fields.get("id"),
    event: fields.get("event"),
    data: data === undefined ? undefined : JSON.parse(data)
  }
}
