// Runs: long, node first

import { assert, layer } from "@effect/vitest"
import { Effect, Redacted } from "effect"
import type { AllAnalytics, CodeAnalytics } from "../../src/Admin/Api/Analytics.ts"
import type { EventsAnswer } from "../../src/Admin/Api/Events.ts"
import type { StatusAnswer } from "../../src/Admin/Api/Status.ts"
import { linkTo } from "../../src/Process/SignInCode.ts"
import { history } from "../support/Believable.ts"
import { becomes, Dashboard, signIn, textOf, token } from "../support/Dashboard.ts"
import { deliver } from "../support/Http.ts"
import { poll } from "../support/Until.ts"
import { scanCreated, signed } from "../support/Webhook.ts"

const options = { excludeTestServices: true, timeout: 180_000 }

/** Waits until no consumer lags, and returns the status at that moment. */
const level = Effect.gen(function*() {
  const { api } = yield* Dashboard
  const { body } = yield* poll(
    api("/v1/status"),
    ({ body }) => (body as StatusAnswer).consumers.every(({ lag }) => lag === 0)
  )
  return body as StatusAnswer
})

const english = new Intl.NumberFormat("en")

layer(Dashboard.layer, options)("the dashboard", (it) => {
  it.effect("asks for the token, refuses a wrong one, and keeps the right one in this tab only", () =>
    Effect.gen(function*() {
      const { visit } = yield* Dashboard
      const { page, wrong } = yield* visit("#/work/projections")
      yield* Effect.promise(async () => {
        await signIn(page, "wrong")
        await page.getByText("This token was refused").waitFor()
        assert.strictEqual(await page.evaluate("sessionStorage.length"), 0)
        await signIn(page, token)
        await page.locator("[data-projection=scans]").waitFor()
        await page.getByText("Live", { exact: true }).waitFor()
        assert.isFalse(page.url().includes(token))
        assert.strictEqual(await page.evaluate("localStorage.length"), 0)
        assert.strictEqual(await page.evaluate("document.cookie"), "")
        await page.reload()
        await page.locator("[data-projection=scans]").waitFor()
        await page.getByRole("button", { name: "Sign out" }).click()
        await page.getByLabel("Token").waitFor()
        assert.strictEqual(await page.evaluate("sessionStorage.length"), 0)
      })
      assert.deepStrictEqual(wrong, [])
    }))

  it.effect("signs in with a one-time link, which is removed from the address and the history", () =>
    Effect.gen(function*() {
      const { admin, visit } = yield* Dashboard
      const hash = new URL(yield* linkTo(admin, Redacted.make(token))).hash
      const { page, wrong } = yield* visit(hash)
      yield* Effect.promise(async () => {
        await page.getByText("Live", { exact: true }).waitFor()
        assert.strictEqual(page.url(), `${admin}/`)
        assert.deepStrictEqual(await page.evaluate("Object.keys(sessionStorage)"), ["token"])
        // One entry is the blank page that the tab started with.
        assert.isAtMost(Number(await page.evaluate("history.length")), 2)
        await page.goBack().catch(() => null)
        assert.notInclude(page.url(), "sign-in")
      })
      assert.deepStrictEqual(wrong, [])

      const again = yield* visit(hash)
      const other = new URL(yield* linkTo(admin, Redacted.make(token))).hash
      yield* Effect.promise(async () => {
        await again.page.getByText("This link was already used, is older than 10 minutes").waitFor()
        assert.strictEqual(again.page.url(), `${admin}/`)
        assert.strictEqual(await again.page.evaluate("sessionStorage.length"), 0)
        // In a tab that already shows the page, a browser follows the link without loading it again.
        await again.page.evaluate(`void (location.hash = ${JSON.stringify(other)})`)
        await again.page.getByText("Live", { exact: true }).waitFor()
        assert.strictEqual(again.page.url(), `${admin}/`)
      })
      assert.deepStrictEqual(again.wrong, [])
    }))

  it.effect("shows the current stream, totals, lag and newest events as the API reports them", () =>
    Effect.gen(function*() {
      const { api, open, webhook } = yield* Dashboard
      yield* history(webhook, 150, 20)
      yield* deliver(webhook, signed(scanCreated("evt_twice")))
      yield* deliver(webhook, signed(scanCreated("evt_twice")))
      const { stream } = yield* level
      const { page, wrong } = yield* open("#/now")
      const { events } = (yield* api("/v1/events?limit=50")).body as EventsAnswer
      const metrics = String((yield* api("/metrics")).body)
      const total = (outcome: string) =>
        Number(new RegExp(`threeqpr_deliveries_total\\{outcome="${outcome}"\\} (\\d+)`).exec(metrics)?.[1])
      yield* Effect.promise(async () => {
        await page.getByRole("heading", { name: "Ready", exact: true }).waitFor()
        await becomes(() => textOf(page, ".stream div:nth-child(1) dd"), english.format(stream.events))
        await becomes(() => textOf(page, ".stream div:nth-child(3) dd"), english.format(stream.last_sequence))
        const tile = (name: string) => textOf(page, `.tile:has(.key-${name}) .since`)
        await becomes(() => tile("stored"), `${english.format(total("stored"))} in all`)
        await becomes(() => tile("duplicate"), "1 in all")
        assert.isAbove(total("stored"), 150)
        await becomes(
          () =>
            page.locator(".consumers tbody tr").allInnerTexts().then((rows) =>
              rows.map((row) => row.split(/\s+/).slice(0, 5).join(" "))
            ),
          ["conversations-1", "qpr_codes-1", "scans-1", "subscriptions-1"].map((name) =>
            `${name} Up to date 0`
          )
        )
        const shown = await page.locator(".feed tbody a").allInnerTexts()
        assert.deepStrictEqual(shown, events.map(({ id }) => id))
      })
      assert.deepStrictEqual(wrong, [])
    }))

  it.effect("shows each event as it arrives, and none while paused", () =>
    Effect.gen(function*() {
      const { open, webhook } = yield* Dashboard
      const { page, wrong } = yield* open("#/now")
      const newest = () => textOf(page, ".feed tbody a")
      yield* Effect.promise(() => page.getByText("Live", { exact: true }).waitFor())
      yield* deliver(webhook, signed(scanCreated("evt_seen")))
      yield* Effect.promise(() => becomes(newest, "evt_seen"))
      yield* Effect.promise(async () => {
        await page.keyboard.press("p")
        await page.getByText("Paused, 0 new events").waitFor()
      })
      yield* deliver(webhook, signed(scanCreated("evt_later")))
      const last = (yield* level).stream.last_sequence
      yield* Effect.promise(async () => {
        await page.getByText("Paused, 1 new event").waitFor()
        // The figures of the log continue to update, the list of events does not.
        await becomes(() => textOf(page, ".stream div:nth-child(3) dd"), english.format(last))
        assert.strictEqual(await newest(), "evt_seen")
        assert.strictEqual(await page.getByText("Paused, 1 new event").count(), 1)
        await page.getByRole("button", { name: "Resume" }).click()
        await becomes(newest, "evt_later")
      })
      assert.deepStrictEqual(wrong, [])
    }))

  it.effect("charts the analytics of all codes and of one code over time", () =>
    Effect.gen(function*() {
      const { api, open } = yield* Dashboard
      yield* level
      const all = (yield* api("/v1/analytics?period=30d&granularity=day")).body as AllAnalytics
      const [top] = all.top_codes
      const one = (yield* api(`/v1/qpr-codes/${top?.qpr_code_id}/analytics?period=7d&granularity=hour`))
        .body as CodeAnalytics
      const { page, wrong } = yield* open("#/time")
      const figures = (of: CodeAnalytics | AllAnalytics) => [
        english.format(of.scans_total),
        english.format(of.conversations_completed),
        `${Math.round(of.conversation_rate * 100)}%`,
        of.avg_messages_per_conversation.toFixed(1)
      ]
      const shown = () => page.locator(".figures dd:not(.note)").allInnerTexts()
      const table = async () => {
        const rows = await page.locator(".as-table tbody tr").evaluateAll((rows) =>
          rows.map((row) => [...row.children].map(({ textContent }) => textContent))
        )
        return rows.toReversed()
      }
      const rows = (of: CodeAnalytics | AllAnalytics) =>
        of.timeseries.map(({ conversations_completed, date, scans }) => [
          date.replace("T", " ").replace(":00Z", ""),
          english.format(scans),
          english.format(conversations_completed)
        ])
      yield* Effect.promise(async () => {
        await becomes(shown, figures(all))
        assert.isAbove(all.timeseries.length, 5)
        await page.getByText("As a table").click()
        await becomes(table, rows(all))
        const names = (title: string) =>
          page.locator(`.card:has(> .card-head:has-text("${title}")) .bars .name`).allInnerTexts()
        assert.deepStrictEqual(
          await names("Top codes"),
          all.top_codes.map(({ name, qpr_code_id }) => name ?? qpr_code_id ?? "Unknown")
        )
        const of = new Intl.DisplayNames("en", { type: "region" })
        assert.deepStrictEqual(
          await names("Top countries"),
          all.top_countries.map(({ country }) => country === null ? "Unknown" : of.of(country) ?? country)
        )
        await page.locator(".bars a").first().click()
        await page.getByRole("radio", { name: "7 days" }).check()
        await page.getByRole("radio", { name: "Hour" }).check()
        await becomes(
          () => page.evaluate("location.hash"),
          `#/time?period=7d&granularity=hour&code=${top?.qpr_code_id}`
        )
        await becomes(shown, figures(one))
        await becomes(table, rows(one))
        await page.getByLabel("QR code, by its id").fill("qpr_unknown")
        await page.keyboard.press("Enter")
        await page.getByText("Not found").waitFor()
      })
      assert.deepStrictEqual(wrong, [])
    }))

  it.effect("shows the whole life of an event, and reports an unknown id", () =>
    Effect.gen(function*() {
      const { api, open, webhook } = yield* Dashboard
      yield* deliver(webhook, signed(scanCreated("evt_life", { country: "CH" })))
      yield* level
      const { events } = (yield* api("/v1/events?limit=1")).body as EventsAnswer
      const { page, wrong } = yield* open("#/now")
      yield* Effect.promise(async () => {
        await page.getByText("Live", { exact: true }).waitFor()
        await page.keyboard.press("/")
        await page.getByLabel("Event id").fill("evt_life")
        await page.keyboard.press("Enter")
        await page.getByText("scan.created, signed by 3QPR.").waitFor()
        const steps = async () =>
          (await page.locator(".steps > li").allInnerTexts()).map((text) =>
            text.replaceAll(/\s+/g, " ").trim()
          )
        assert.include((await steps()).join("\n"), `Sequence ${english.format(events[0]?.sequence ?? 0)},`)
        await page.locator(".steps > li", { hasText: "scans Applied" }).getByText("scan_of_evt_life").first()
          .waitFor()
        await page.locator(".bytes pre", { hasText: `"country": "CH"` }).waitFor()
        await page.getByRole("radio", { name: "Hex" }).check()
        await page.locator(".bytes pre", { hasText: "00000000  7b 22 69 64" }).waitFor()
        await page.getByLabel("Event id").fill("evt_nobody")
        await page.keyboard.press("Enter")
        await page.getByText("There is no event with this id").waitFor()
      })
      assert.deepStrictEqual(wrong, [])
    }))

  it.effect("switches views by keyboard shortcuts, unless they are disabled", () =>
    Effect.gen(function*() {
      const { open } = yield* Dashboard
      const { page, wrong } = yield* open("#/now")
      const focused = () => page.evaluate("document.activeElement.id || document.activeElement.ariaLabel")
      yield* Effect.promise(async () => {
        await page.getByText("Live", { exact: true }).waitFor()
        for (
          const [key, title] of [["2", "Over time"], ["3", "Work"], ["4", "Events"], ["1", "Now"]] as const
        ) {
          await page.keyboard.press(key)
          await becomes(() => page.title(), `${title} · threeqpr-events`)
          await becomes(focused, "main")
        }
        await page.getByRole("button", { name: "Keys and help" }).focus()
        await page.keyboard.press("?")
        await page.getByLabel("Single keys are on").uncheck()
        await page.keyboard.press("Escape")
        await becomes(focused, "Keys and help")
        await page.keyboard.press("3")
        await page.keyboard.press("Tab")
        assert.strictEqual(await page.title(), "Now · threeqpr-events")
      })
      assert.deepStrictEqual(wrong, [])
    }))
})
