// Runs: long, node first

import { assert, describe } from "@effect/vitest"
import { Effect, Redacted } from "effect"
import { Browser } from "../support/Browser.ts"
import { newStores } from "../support/Databases.ts"
import { deliver } from "../support/Http.ts"
import { test } from "../support/Live.ts"
import { serve } from "../support/Serve.ts"
import { scanCreated, secret, signed } from "../support/Webhook.ts"

describe("/docs in a browser", () => {
  test(
    "shows every operation and executes one, and its content security policy blocks nothing that it needs",
    Effect.gen(function*() {
      const { admin, webhook } = yield* serve({
        ...(yield* newStores),
        THREEQPR_WEBHOOK_SECRET: Redacted.value(secret)
      })
      yield* deliver(webhook, signed(scanCreated("evt_1")))
      const page = yield* (yield* Browser).page()
      const complaints: Array<string> = []
      page.on("console", (message) => {
        if (["error", "warning"].includes(message.type())) complaints.push(message.text())
      })
      page.on("pageerror", (error) => complaints.push(String(error)))
      const { operations, tried } = yield* Effect.promise(async () => {
        await page.goto(`${admin}/docs`)
        await page.locator(".opblock").nth(20).waitFor()
        const operations = await page.locator(".opblock-summary-path").allInnerTexts()
        const events = page.locator(".opblock", { hasText: "/v1/events/{id}" }).first()
        await events.locator(".opblock-summary").click()
        await events.getByRole("button", { name: "Try it out" }).click()
        await events.getByPlaceholder("id").fill("evt_1")
        await events.getByRole("button", { name: "Execute" }).click()
        const tried = events.locator(".live-responses-table .response-col_status").nth(1)
        await tried.waitFor()
        return { operations, tried: await tried.innerText() }
      })
      assert.isAbove(operations.length, 30)
      assert.include(operations.join(" ").replaceAll("\u200b", ""), "/v1/forget")
      assert.match(tried, /^200/)
      assert.deepStrictEqual(complaints, [])
    }).pipe(Effect.provide(Browser.layer))
  )
})
