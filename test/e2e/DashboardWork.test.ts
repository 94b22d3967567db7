// Runs: long, node first

import { assert, layer } from "@effect/vitest"
import { Effect, Layer, Redacted } from "effect"
import { SqlClient } from "effect/sql/SqlClient"
import { Buffer } from "node:buffer"
import type { ProjectionAnswer } from "../../src/Admin/Api/Projections.ts"
import { Database } from "../../src/Database/Database.ts"
import { scans as scansProjection } from "../../src/Projector/Projections/Scans.ts"
import * as Signature from "../../src/Signature/Signature.ts"
import { platform } from "../support/Broker.ts"
import { becomes, Dashboard, textOf } from "../support/Dashboard.ts"
import { deliver, send } from "../support/Http.ts"
import { poll } from "../support/Until.ts"
import { scanCreated, secret, signed } from "../support/Webhook.ts"

const options = { excludeTestServices: true, timeout: 180_000 }

const sql = (statement: string) =>
  Effect.flatMap(Dashboard, ({ url }) =>
    Effect.flatMap(SqlClient, (sql) => sql.unsafe(statement)).pipe(
      Effect.provide(Database.layer({ url: Redacted.make(url), dataDir: "" }).pipe(Layer.provide(platform)))
    ))

/** Creates a dead letter of a scan in this city. */
const poison = Effect.fnUntraced(function*(id: string, city: string) {
  const { api, webhook } = yield* Dashboard
  yield* deliver(webhook, signed(scanCreated(id, { city })))
  yield* poll(api("/v1/dead-letters"), ({ body }) => JSON.stringify(body).includes(`"${id}"`))
})

interface Operations {
  readonly operations: ReadonlyArray<{
    readonly kind: string
    readonly by: string
    readonly reason: string | null
    readonly results: Readonly<Record<string, number>>
  }>
}

layer(Dashboard.layer, options)("the dashboard's work", (it) => {
  it.effect("shows an empty state in each tab when no work is waiting", () =>
    Effect.gen(function*() {
      const { open } = yield* Dashboard
      const { page, wrong } = yield* open("#/work")
      yield* Effect.promise(async () => {
        for (
          const [tab, empty] of [
            ["Dead letters", "No dead letters"],
            ["Quarantine", "Nothing in quarantine"],
            ["Rejected", "Nothing was refused"],
            ["Operations", "No operations yet"]
          ] as const
        ) {
          await page.getByRole("link", { name: tab }).first().click()
          await page.getByText(empty).waitFor()
        }
        await page.keyboard.press("4")
        await page.getByText("No events yet").waitFor()
      })
      assert.deepStrictEqual(wrong, [])
    }))

  it.effect("redrives a dead letter after the fix, showing first the count and then the result", () =>
    Effect.gen(function*() {
      const { api, open } = yield* Dashboard
      yield* sql("alter table scans_1 add constraint elsewhere check (city <> 'Nowhere')")
      yield* poison("evt_fixed", "Nowhere")
      const { page, wrong } = yield* open("#/work/dead-letters")
      const redrive = async (ends: string) => {
        await page.getByRole("button", { name: "Redrive all" }).click()
        await page.getByText("1 dead letter will be delivered to the consumer again").waitFor()
        await page.getByLabel("Your name").fill("Ada")
        await page.getByRole("button", { name: "Redrive 1 dead letter" }).click()
        await page.locator("dialog [data-state=done]").waitFor()
        assert.include(await textOf(page, "dialog"), ends)
        await page.getByRole("button", { name: "Close", exact: true }).click()
      }
      yield* Effect.promise(async () => {
        await page.getByRole("link", { name: "evt_fixed" }).waitFor()
        assert.include(await textOf(page, ".pair-list tbody"), "elsewhere")
        await redrive("1 failed again")
        await page.getByRole("link", { name: "evt_fixed" }).waitFor()
      })
      assert.strictEqual((yield* api("/v1/scans/scan_of_evt_fixed")).status, 404)
      yield* sql("alter table scans_1 drop constraint elsewhere")
      yield* Effect.promise(async () => {
        await redrive("1 applied")
        await page.getByText("No dead letters").waitFor()
        await page.getByRole("link", { name: "Operations" }).click()
        await becomes(() => page.locator(".pair-list tbody tr").count(), 2)
        assert.include(await textOf(page, ".pair-list tbody tr"), "Redrive Done 1 applied Ada")
      })
      assert.strictEqual((yield* api("/v1/scans/scan_of_evt_fixed")).status, 200)
      assert.deepStrictEqual(wrong, [])
    }))

  it.effect("discards the selected dead letter after showing its bytes, and requires a reason", () =>
    Effect.gen(function*() {
      const { api, open } = yield* Dashboard
      yield* sql("alter table scans_1 add constraint written check (city not like 'Z%rich')")
      yield* poison("evt_kept", "Zurich")
      yield* poison("evt_discarded", "Z\u0000rich")
      const { page, wrong } = yield* open("#/work/dead-letters?consumer=scans-1")
      yield* Effect.promise(async () => {
        await page.getByRole("link", { name: "evt_discarded" }).click()
        await page.locator(".pair-detail pre", { hasText: `"city": "Z\\u0000rich"` }).waitFor()
        assert.match(await textOf(page, ".pair-detail .cause"), /written/)
        await page.locator(".pair-detail").getByRole("button", { name: "Discard" }).click()
        await page.getByText("1 dead letter will be removed permanently").waitFor()
        const discard = page.getByRole("button", { name: "Discard 1 dead letter" })
        await page.getByLabel("Your name").fill("Ada")
        await discard.click()
        // The form is not submitted without a reason.
        assert.isTrue(await page.getByLabel("Reason").evaluate((input) => input.matches(":invalid")))
        await page.getByLabel("Reason").fill("a test")
        await discard.click()
        await page.locator("dialog", { hasText: "1 discarded" }).waitFor()
        await page.getByRole("button", { name: "Close", exact: true }).click()
        await becomes(() => page.locator(".pair-list tbody .mono").allInnerTexts(), ["evt_kept"])
      })
      const { operations } = (yield* api("/v1/operations?limit=1")).body as Operations
      assert.deepInclude(operations[0], { kind: "discard", by: "Ada", reason: "a test" })
      assert.strictEqual(operations[0]?.results["discarded"], 1)
      assert.deepStrictEqual(wrong, [])
    }))

  it.effect("shows quarantined entries and their problems, and that a redrive keeps those that still do not decode", () =>
    Effect.gen(function*() {
      const { open, webhook } = yield* Dashboard
      yield* deliver(webhook, signed(`{"id":"evt_q","event":"scan.created","data":{"city":5}}`))
      yield* deliver(webhook, signed("no json"))
      const { page, wrong } = yield* open("#/work/quarantine?reason=invalid_data")
      yield* Effect.promise(async () => {
        await page.getByRole("link", { name: "evt_q" }).click()
        await page.locator(".pair-detail", { hasText: "2 problems" }).waitFor()
        assert.include(await textOf(page, ".pair-detail .cause"), "data.city Expected string")
        assert.strictEqual(await page.locator(".pair-list tbody tr").count(), 1)
        await page.getByLabel("Only with this reason").selectOption("")
        await becomes(() => page.locator(".pair-list tbody tr").count(), 2)
        await page.getByRole("button", { name: "Redrive all" }).click()
        await page.getByText("0 of 2 entries can be decoded by this version").waitFor()
        await page.keyboard.press("Escape")
        await becomes(() => page.locator("dialog").count(), 0)
      })
      assert.deepStrictEqual(wrong, [])
    }))

  it.effect("shows rejected requests with their bytes and the diagnosis of the signature doctor", () =>
    Effect.gen(function*() {
      const { open, webhook } = yield* Dashboard
      const json = scanCreated("evt_spaced", { note: "two words" })
      yield* deliver(webhook, {
        body: Buffer.from(JSON.stringify(JSON.parse(json), null, 2)),
        signature: Signature.sign(Buffer.from(json), secret)
      })
      yield* send(webhook, { method: "POST", body: "without a signature" })
      const { page, wrong } = yield* open("#/work/rejected")
      yield* Effect.promise(async () => {
        await page.getByText("2 requests refused since 1 receiver started").waitFor()
        const row = (reason: string) =>
          page.locator(".pair-list tbody tr", { hasText: reason }).getByRole("link")
        await row("missing signature").click()
        await page.locator(".pair-detail pre", { hasText: "without a signature" }).waitFor()
        await row("invalid signature").click()
        await page.locator(".pair-detail .notice", { hasText: "JSON" }).waitFor()
        assert.notInclude(await page.content(), Redacted.value(secret))
      })
      assert.deepStrictEqual(wrong, [])
    }))

  it.effect("rebuilds a projection after confirmation, and shows progress until the end", () =>
    Effect.gen(function*() {
      const { api, open } = yield* Dashboard
      const { page, wrong } = yield* open("#/work/projections")
      const card = page.locator("[data-projection=scans]")
      yield* Effect.promise(async () => {
        await card.getByRole("button", { name: "Rebuild" }).click()
        await page.getByText("A new generation is built from the first event").waitFor()
        await page.getByRole("button", { name: "Cancel" }).click()
        await becomes(() => page.locator("dialog").count(), 0)
        await card.getByRole("button", { name: "Rebuild" }).click()
        await page.getByLabel("Your name").fill("Ada")
        await page.getByRole("button", { name: "Rebuild scans" }).click()
        await card.getByRole("progressbar").waitFor()
        await card.locator("[data-state=switched]").waitFor()
        await becomes(
          () => textOf(page, "[data-projection=scans] dt:text-is('Generation') + dd"),
          `2, version ${scansProjection.version}`
        )
      })
      const { projections } = (yield* api("/v1/projections")).body as {
        readonly projections: ReadonlyArray<ProjectionAnswer>
      }
      const scans = projections.find(({ name }) => name === "scans")
      assert.deepInclude(scans, { generation: 2, rebuild: null })
      assert.include(
        yield* Effect.promise(() => textOf(page, "[data-projection=scans] .figures")),
        `Rows ${scans?.rows["scans"]}`
      )
      assert.deepStrictEqual(wrong, [])
    }))
})
