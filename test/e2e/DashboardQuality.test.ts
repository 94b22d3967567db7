// Runs: long, node first

import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { Redacted } from "effect"
import { readFileSync } from "node:fs"
import { get } from "node:http"
import { createRequire } from "node:module"
import type { Page } from "playwright-core"
import { history, trouble } from "../support/Believable.ts"
import { becomes, Dashboard, measured, token } from "../support/Dashboard.ts"
import { deliver, send } from "../support/Http.ts"
import { refusePoisonAt } from "../support/Poison.ts"
import * as Proxy from "../support/Proxy.ts"
import { running } from "../support/Serve.ts"
import { poll } from "../support/Until.ts"
import { scanCreated, secret, signed } from "../support/Webhook.ts"

const options = { excludeTestServices: true, timeout: 240_000 }

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8")

/** The serious and critical violations that axe finds, with their elements. */
const findings = (page: Page) =>
  page.evaluate(`axe.run(document, { resultTypes: ["violations"] }).then(({ violations }) =>
    violations.filter(({ impact }) => impact === "serious" || impact === "critical").flatMap(({ id, nodes }) =>
      nodes.slice(0, 3).map(({ html, failureSummary }) => id + " " + html.slice(0, 200) + " " + failureSummary)))`) as Promise<
    ReadonlyArray<string>
  >

/** Every view, with a selector that matches once the view has loaded. */
const views: ReadonlyArray<readonly [hash: string, ready: string]> = [
  ["#/now", ".feed tbody tr"],
  ["#/time", ".bars li"],
  ["#/work/dead-letters", ".pair-list tbody tr"],
  ["#/work/quarantine", ".pair-list tbody tr"],
  ["#/work/rejected", ".pair-list tbody tr"],
  ["#/work/projections", ".model .figures"],
  ["#/work/operations", ".empty"],
  ["#/events", "tbody tr"],
  ["#/events/evt_01K6DEAD0A", ".steps li"]
]

const visitAll = async (page: Page, look: (hash: string) => Promise<void>) => {
  for (const [hash, ready] of views) {
    await page.evaluate(`location.hash = ${JSON.stringify(hash)}`)
    await page.locator(ready).first().waitFor()
    await look(hash)
  }
}

/** The headers of an answer and its size on the wire, before decompression. */
const fetched = (url: string, encoding: string) =>
  Effect.callback<{ readonly headers: Readonly<Record<string, unknown>>; readonly size: number }>(
    (resume) => {
      get(url, { headers: { "accept-encoding": encoding } }, (response) => {
        let size = 0
        response.on("data", (piece: Buffer) => void (size += piece.length))
        response.on("end", () => resume(Effect.succeed({ headers: response.headers, size })))
      })
    }
  )

layer(Dashboard.layer, options)("the dashboard's quality", (it) => {
  it.effect("has no serious or critical axe violation in any view, in dark and light mode", () =>
    Effect.gen(function*() {
      const { api, open, url, webhook } = yield* Dashboard
      yield* refusePoisonAt(url)
      yield* history(webhook, 120, 20)
      yield* trouble(webhook)
      yield* poll(api("/v1/dead-letters"), ({ body }) => (body as { readonly total: number }).total === 3)
      for (const colorScheme of ["light", "dark"] as const) {
        const { page } = yield* open("#/now", { colorScheme, reducedMotion: "reduce", bypassCSP: true })
        yield* Effect.promise(async () => {
          await page.getByText("Live", { exact: true }).waitFor()
          await page.evaluate(axe)
          await visitAll(
            page,
            async (hash) => assert.deepStrictEqual(await findings(page), [], `${hash} ${colorScheme}`)
          )
          for (const tab of ["dead-letters", "quarantine", "rejected"]) {
            await page.evaluate(`location.hash = "#/work/${tab}"`)
            await page.locator(".pair-list tbody a").first().click()
            await page.locator(".pair-detail .facts").first().waitFor()
            assert.deepStrictEqual(await findings(page), [], `one of ${tab} ${colorScheme}`)
          }
          await page.keyboard.press("?")
          await page.locator("dialog").waitFor()
          assert.deepStrictEqual(await findings(page), [], `keys ${colorScheme}`)
          await page.keyboard.press("Escape")
          await page.getByRole("button", { name: "Sign out" }).click()
          await page.getByLabel("Token").waitFor()
          assert.deepStrictEqual(await findings(page), [], `sign in ${colorScheme}`)
        })
      }
    }))

  it.effect("has no unexpected layout shift, and fits a phone and a wide screen", () =>
    Effect.gen(function*() {
      const { open } = yield* Dashboard
      for (const width of [390, 1_280, 1_920]) {
        const { page, wrong } = yield* open("#/now", { viewport: { width, height: 844 } })
        yield* Effect.promise(() =>
          visitAll(page, async (hash) => {
            const wider = await page.evaluate("document.documentElement.scrollWidth - innerWidth")
            assert.isAtMost(Number(wider), 0, `${hash} at ${width}`)
          })
        )
        const { shift } = yield* Effect.promise(() => measured(page))
        assert.isBelow(shift, 0.1, `at ${width}`)
        assert.deepStrictEqual(wrong, [])
      }
    }))

  it.effect("renders 200 events a second without long tasks, and keeps the page bounded", () =>
    Effect.gen(function*() {
      const { open, webhook } = yield* Dashboard
      const { page, wrong } = yield* open("#/now")
      yield* Effect.promise(() => page.getByText("Live", { exact: true }).waitFor())
      const { ended } = yield* running(
        ["simulate", "--rate", "200", "--count", "1600", "--url", webhook, "--secret", Redacted.value(secret)]
      )
      const { tasks: before } = yield* Effect.promise(() => measured(page))
      assert.strictEqual((yield* ended).code, 0)
      const { tasks } = yield* Effect.promise(() => measured(page))
      const long = tasks.slice(before.length)
      // The limit allows for other tests that run at the same time.
      assert.isBelow(Math.max(0, ...long), 400, `long tasks: ${long}`)
      assert.isAtMost(yield* Effect.promise(() => page.locator(".feed tbody tr").count()), 60)
      assert.deepStrictEqual(wrong, [])
    }))

  it.effect("reports a lost connection and the age of its data, and shows the missed events after it recovers", () =>
    Effect.gen(function*() {
      const { admin, open, webhook } = yield* Dashboard
      const proxy = yield* Proxy.before(Number(new URL(admin).port))
      const { page, wrong } = yield* open("#/now", {}, `http://127.0.0.1:${proxy.port}`)
      const live = () => page.getByText("Live", { exact: true }).waitFor()
      const newest = () => page.locator(".feed tbody a").first().innerText()
      // The page must show data before that data can be stale.
      yield* Effect.promise(() => page.getByRole("heading", { name: "Ready", exact: true }).waitFor())
      for (const [fault, id] of [[proxy.pause, "evt_missed_1"], [proxy.reset, "evt_missed_2"]] as const) {
        yield* proxy.pause
        yield* fault
        yield* Effect.promise(async () => {
          await page.getByText("Not connected.").waitFor()
          await page.locator(".now.stale").waitFor()
          await page.locator(".lost", { hasText: /The data shown is \d+ s old/ }).waitFor()
        })
        yield* deliver(webhook, signed(scanCreated(id)))
        yield* proxy.resume
        yield* Effect.promise(async () => {
          await live()
          await becomes(newest, id)
          await becomes(() => page.locator(".stale, .lost").count(), 0)
        })
      }
      assert.deepStrictEqual(wrong, [])
    }))

  it.effect("is small, requests nothing from other servers, and has a strict content security policy", () =>
    Effect.gen(function*() {
      const { admin } = yield* Dashboard
      const { body, headers } = yield* send(`${admin}/`)
      const page = String(body)
      const paths = [...new Set([...page.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, path]) => path ?? ""))]
      const vendor = [...page.matchAll(/"(\/dashboard\/[^"]+\.js)"/g)].map(([, path]) => path ?? "")
      const all = ["/", ...new Set([...paths, ...vendor])]
      assert.isAbove(all.length, 30)
      for (const encoding of ["gzip", "br"]) {
        const sizes = yield* Effect.forEach(all, (path) => fetched(`${admin}${path}`, encoding))
        const sum = sizes.reduce((sum, { size }) => sum + size, 0)
        assert.isBelow(sum, 150_000, `${encoding}: ${sum}`)
        for (const [index, { headers }] of sizes.entries()) {
          if (index > 0) assert.include(String(headers["cache-control"]), "immutable", all[index])
          assert.strictEqual(headers["x-content-type-options"], "nosniff", all[index])
        }
      }
      const policy = headers.get("content-security-policy") ?? ""
      assert.match(policy, /^default-src 'none'; script-src 'self' 'sha256-[^ ]+'; /)
      assert.include(policy, "frame-ancestors 'none'")
      assert.notMatch(policy, /unsafe|https?:|\*/)
      assert.strictEqual(headers.get("referrer-policy"), "no-referrer")
      assert.notInclude(page, token)
      const etag = headers.get("etag") ?? ""
      assert.strictEqual((yield* send(`${admin}/`, { headers: { "if-none-match": etag } })).status, 304)
      assert.strictEqual((yield* send(`${admin}/dashboard/0123456789abcdef/main.js`)).status, 404)
      assert.strictEqual((yield* send(`${admin}/dashboard/..%2f..%2fpackage.json`)).status, 404)
      assert.strictEqual(
        (yield* send(`${admin}/`, { headers: { origin: "https://evil.example" } })).status,
        403
      )
      assert.strictEqual((yield* send(`${admin}/v1/status`)).status, 401)
    }))
})
