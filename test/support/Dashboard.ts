import { assert } from "@effect/vitest"
import { Context, Effect, Layer, Redacted, type Scope } from "effect"
import type { BrowserContextOptions, Page } from "playwright-core"
import { platform } from "./Broker.ts"
import { Browser } from "./Browser.ts"
import { newDatabase, newDataDir } from "./Databases.ts"
import { type Answer, send } from "./Http.ts"
import { type Serve, serve } from "./Serve.ts"
import { secret } from "./Webhook.ts"

/** The token of the private listener in these tests. */
export const token = "t0ken-of-the-dashboard-tests"

/** A page of the dashboard, and the problems that are not visible in it. */
export interface Seen {
  readonly page: Page
  /** Errors, policy violations, requests to other servers, and addresses that contain the token. None is expected. */
  readonly wrong: ReadonlyArray<string>
}

/** A whole system with a token, and a browser that opens its dashboard. */
export class Dashboard extends Context.Service<
  Dashboard,
  Serve & {
    readonly url: string
    /** A new page at this place before sign-in. `origin` replaces the address of the listener. */
    readonly visit: (
      hash: string,
      options?: BrowserContextOptions,
      origin?: string
    ) => Effect.Effect<Seen, never, Scope.Scope>
    /** A new page after sign-in. */
    readonly open: (
      hash: string,
      options?: BrowserContextOptions,
      origin?: string
    ) => Effect.Effect<Seen, never, Scope.Scope>
    /** Sends a request to the API as the page does. */
    readonly api: (path: string) => Effect.Effect<Answer>
  }
>()("test/Dashboard") {
  static readonly layer = Layer.effect(
    Dashboard,
    Effect.gen(function*() {
      const browser = yield* Browser
      const url = yield* newDatabase
      const server = yield* serve({
        DATA_DIR: yield* newDataDir,
        DATABASE_URL: url,
        THREEQPR_WEBHOOK_SECRET: Redacted.value(secret),
        ADMIN_TOKEN: token
      })
      const visit = (hash: string, options?: BrowserContextOptions, origin = server.admin) =>
        Effect.flatMap(browser.page(options), (page) =>
          Effect.promise(async () => {
            page.setDefaultTimeout(45_000)
            const wrong = watch(page, origin)
            await page.addInitScript(measure)
            await page.goto(`${origin}/${hash}`)
            return { page, wrong }
          }))
      const open = (hash: string, options?: BrowserContextOptions, origin?: string) =>
        Effect.tap(visit(hash, options, origin), ({ page }) => Effect.promise(() => signIn(page, token)))
      const api = (path: string) =>
        send(`${server.admin}${path}`, { headers: { authorization: `Bearer ${token}` } })
      return Dashboard.of({ ...server, url, visit, open, api })
    })
  ).pipe(Layer.provide([Browser.layer, platform]))
}

/** Signs in with this token. */
export const signIn = async (page: Page, value: string) => {
  await page.getByLabel("Token").fill(value)
  await page.getByRole("button", { name: "Sign in" }).click()
}

/** Waits until `read` returns the expected value. Fails with the last value after `millis`. */
export const becomes = async <A>(read: () => Promise<A>, expected: A, millis = 30_000) => {
  const until = Date.now() + millis
  let seen = await read()
  while (JSON.stringify(seen) !== JSON.stringify(expected) && Date.now() < until) {
    await new Promise((resolve) => setTimeout(resolve, 100))
    seen = await read()
  }
  assert.deepStrictEqual(seen, expected)
}

/** The text of the first match of a selector, with each run of whitespace as one space. */
export const textOf = async (page: Page, selector: string) =>
  (await page.locator(selector).first().innerText()).replaceAll(/\s+/g, " ").trim()

/** The layout shift without user input (CLS), and the durations of long tasks in milliseconds. */
export const measured = (page: Page) =>
  page.evaluate("window.measured") as Promise<
    { readonly shift: number; readonly tasks: ReadonlyArray<number> }
  >

const measure = `
  window.measured = { shift: 0, tasks: [] }
  new PerformanceObserver((list) => {
    for (const one of list.getEntries()) if (!one.hadRecentInput) window.measured.shift += one.value
  }).observe({ type: "layout-shift", buffered: true })
  new PerformanceObserver((list) => {
    for (const one of list.getEntries()) window.measured.tasks.push(Math.round(one.duration))
  }).observe({ type: "longtask", buffered: true })
`

/**
 * The browser also logs unsuccessful API answers to its console. The page shows these errors, so they are expected.
 */
const told = /^Failed to load resource/

const watch = (page: Page, origin: string) => {
  const wrong: Array<string> = []
  page.on("pageerror", (error) => wrong.push(`error: ${error.message}`))
  page.on("console", (message) => {
    const text = message.text()
    if (["error", "warning"].includes(message.type()) && !told.test(text)) {
      wrong.push(`${message.type()}: ${text}`)
    }
  })
  page.on("request", (request) => {
    const url = request.url()
    if (!url.startsWith(`${origin}/`)) wrong.push(`request to another: ${url}`)
    if (url.includes(token)) wrong.push(`token in an address: ${url}`)
  })
  return wrong
}
