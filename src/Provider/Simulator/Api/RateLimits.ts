import { Clock, Effect } from "effect"

/** Maximum number of requests per minute and key, as 3QPR counts them. */
export interface Limits {
  /** `GET /v1/scans` */
  readonly scans: number
  readonly analytics: number
  readonly other: number
}

export const limits: Limits = { scans: 120, analytics: 30, other: 100 }

/** The remaining quota after a request, as `X-RateLimit-*` headers; `refused` when none was left. */
export interface Taken {
  readonly headers: Readonly<Record<string, string>>
  readonly refused: boolean
}

/** Counts the requests of each key and quota in windows of one minute, which start with the first request. */
export const make = (limits: Limits) => {
  const windows = new Map<string, { readonly end: number; count: number }>()
  return Effect.fnUntraced(function*(key: string, quota: keyof Limits) {
    const now = yield* Clock.currentTimeMillis
    const name = `${quota} ${key}`
    const open = windows.get(name)
    const window = open !== undefined && now < open.end ? open : { end: now + 60_000, count: 0 }
    windows.set(name, window)
    window.count++
    const limit = limits[quota]
    const refused = window.count > limit
    return {
      headers: {
        "x-ratelimit-limit": String(limit),
        "x-ratelimit-remaining": String(Math.max(0, limit - window.count)),
        "x-ratelimit-reset": String(Math.ceil(window.end / 1_000)),
        ...(refused && { "retry-after": String(Math.ceil((window.end - now) / 1_000)) })
      },
      refused
    } satisfies Taken
  })
}
