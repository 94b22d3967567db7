// npm run screenshots: runs `serve` with believable data and takes pictures of every view into a folder, and the two
// of the README. Arguments: the folder (default: only the README's), and a part of a view's name.
import { Effect, Redacted } from "effect"
import { mkdirSync } from "node:fs"
import { join } from "node:path"
import process from "node:process"
import { fileURLToPath } from "node:url"
import type { Page } from "playwright-core"
import { history, trouble } from "../support/Believable.ts"
import { newDataDir, platform } from "../support/Broker.ts"
import { Browser } from "../support/Browser.ts"
import { send } from "../support/Http.ts"
import { refusePoisonAt } from "../support/Poison.ts"
import * as Postgres from "../support/Postgres.ts"
import { running, serve } from "../support/Serve.ts"
import { until } from "../support/Until.ts"
import { secret } from "../support/Webhook.ts"

const images = fileURLToPath(new URL("../../docs/images", import.meta.url))
const [folder, only = ""] = process.argv.slice(2)
const widths = [390, 1280, 1920]
const themes = ["light", "dark"] as const

const views: ReadonlyArray<readonly [name: string, hash: string]> = [
  ["now", "#/now"],
  ["time", "#/time"],
  ["time-code", "#/time?period=7d&granularity=hour&code=qpr_01JQ3XF7T9Y1B5E3G8K2M4P6RW"],
  ["dead-letters", "#/work/dead-letters"],
  ["quarantine", "#/work/quarantine"],
  ["rejected", "#/work/rejected"],
  ["projections", "#/work/projections"],
  ["operations", "#/work/operations"],
  ["events", "#/events"]
]

const shoot = (page: Page, hash: string, file: string, full: boolean) =>
  Effect.promise(async () => {
    await page.evaluate(`location.hash = ${JSON.stringify(hash)}`)
    await page.waitForTimeout(1_600)
    await page.screenshot({ path: file, fullPage: full })
  })

const main = Effect.gen(function*() {
  const { page } = yield* Browser
  const { url } = yield* Postgres.start
  yield* refusePoisonAt(url)
  const { admin, end, webhook } = yield* serve({
    DATA_DIR: yield* newDataDir,
    DATABASE_URL: url,
    THREEQPR_WEBHOOK_SECRET: Redacted.value(secret)
  })
  yield* history(webhook, 4_000, 32)
  yield* trouble(webhook)
  yield* running([
    "simulate",
    "--rate",
    "24",
    "--url",
    webhook,
    "--secret",
    Redacted.value(secret),
    "--faults",
    "duplicates"
  ])
  const details = yield* Effect.all([
    firstOf(admin, "/v1/dead-letters", "dead_letters", "id"),
    firstOf(admin, "/v1/quarantine", "quarantined", "sequence"),
    firstOf(admin, "/v1/rejections", "rejections", "id")
  ])
  const all = [
    ...views,
    ...["dead-letters", "quarantine", "rejected"].map((tab, index) =>
      [`${tab}-one`, `#/work/${tab}/${details[index]}`] as const
    ),
    ["life-dead", "#/events/evt_01K6DEAD0A"] as const,
    ["life", `#/events/evt_of_qpr_01JQ3XF7T9Y1B5E3G8K2M4P6RW`] as const
  ].filter(([name]) => name.includes(only))
  for (const theme of themes) {
    for (const width of folder === undefined ? [1_280] : widths) {
      const view = yield* page({
        viewport: { width, height: width === 390 ? 844 : 860 },
        colorScheme: theme,
        deviceScaleFactor: 1
      })
      view.on("pageerror", (error) => process.stderr.write(`${error.message}\n`))
      view.on("console", (message) => {
        if (message.type() === "error") process.stderr.write(`${message.text()}\n`)
      })
      yield* Effect.promise(() => view.goto(admin))
      // Until the lines have something to show.
      yield* Effect.promise(() => view.waitForTimeout(folder === undefined ? 75_000 : 6_000))
      if (folder === undefined) {
        yield* shoot(view, "#/now", join(images, `dashboard-${theme}.png`), false)
        continue
      }
      for (const [name, hash] of all) {
        yield* shoot(view, hash, join(folder, `${name}-${width}-${theme}.png`), width === 390)
      }
    }
  }
  // Its broker ends too then, before its folder goes.
  yield* end("SIGTERM")
})

/** Of the first in a list, once there is one. */
const firstOf = (admin: string, path: string, list: string, key: string) =>
  until(
    `one of ${path}`,
    Effect.map(
      send(`${admin}${path}`),
      ({ body }) => (body as Record<string, ReadonlyArray<Record<string, unknown>>>)[list]?.[0]?.[key]
    ),
    (found) => found !== undefined
  )

if (folder !== undefined) mkdirSync(folder, { recursive: true })
await Effect.runPromise(main.pipe(Effect.scoped, Effect.provide([Browser.layer, platform])))
