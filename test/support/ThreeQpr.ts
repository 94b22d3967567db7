import { it } from "@effect/vitest"
import { Context, Effect, Layer, Predicate, Redacted, type Scope, Stream } from "effect"
import { FetchHttpClient } from "effect/http"
import { ThreeQpr } from "../../src/Provider/ThreeQpr.ts"
import type { Options } from "../../src/Provider/ThreeQpr/Requests.ts"
import { json } from "./Answers.ts"
import { scanOfTheReference } from "./Webhook.ts"

export const key = Redacted.make("3qpr_sk_live_of_the_tests")
export const webhook = { url: "https://hooks.example.com/webhooks/3qpr", events: ["scan.created"] }
export const secret = "whsec_told_only_once"
/** The answer to the registration of a webhook. */
export const registered = json(200, {
  id: "wh_1",
  ...webhook,
  secret,
  active: true,
  created_at: "2026-03-20T12:00:00Z"
})
export const scan = (id: string, more: object = {}) => ({ ...scanOfTheReference, id, ...more })
/** An answer with a page of scans. */
export const page = (scans: ReadonlyArray<object>, total = scans.length, headers = {}) =>
  json(200, { scans, total, limit: 200, offset: 0 }, headers)

/** A client of the API at a URL. */
export const clientOf = (url: string, options: Partial<Options> = {}) =>
  ThreeQpr.layer({ url, key, timeout: "5 seconds", ...options }).pipe(
    Layer.provide(FetchHttpClient.layer),
    Layer.build,
    Effect.map((context) => Context.get(context, ThreeQpr))
  )

/** Registers the webhook with the API at a URL. */
export const register = (url: string, options: Partial<Options> = {}) =>
  Effect.flatMap(clientOf(url, options), (client) => client.register(webhook))

/** The ids of all scans that the API at a URL returns. */
export const idsOf = (url: string, options: Partial<Options> = {}) =>
  Effect.flatMap(
    clientOf(url, options),
    (client) => Stream.runCollect(Stream.map(client.scans(), idIn))
  )

/** The id of a scan, as the API returns it. */
export const idIn = (scan: unknown) => Predicate.hasProperty(scan, "id") ? scan.id : undefined

/** A test on the real platform, with the real clock. */
export const test = (title: string, body: Effect.Effect<void, unknown, Scope.Scope>) =>
  it.live(title, () => Effect.scoped(body))
