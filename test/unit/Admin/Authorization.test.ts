import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Redacted } from "effect"
import { HttpClient, HttpClientResponse, HttpRouter, HttpServer } from "effect/http"
import { HttpApi, HttpApiBuilder, OpenApi } from "effect/http-api"
import * as Access from "../../../src/Admin/Access/Access.ts"
import { Api } from "../../../src/Admin/Api.ts"
import { Authorization } from "../../../src/Admin/Api/Authorization.ts"
import { ConsumersApi } from "../../../src/Admin/Api/Status.ts"
import { AdminClient } from "../../../src/Admin/Client.ts"
import type { Document } from "../../support/Contract.ts"

class Part extends HttpApi.make("part").add(ConsumersApi).middleware(Authorization) {}

const consumers = HttpApiBuilder.group(
  Part,
  "consumers",
  (handlers) => handlers.handle("list", () => Effect.succeed({ consumers: [] }))
)
const routes = HttpApiBuilder.layer(Part).pipe(
  Layer.provide(consumers),
  Layer.provide([Access.layer, HttpServer.layerServices])
)

/** The status of the answer of these routes to a request with the operator's token. */
const statusOf = (layer: Layer.Layer<never, never, HttpRouter.HttpRouter>) =>
  Effect.acquireUseRelease(
    Effect.sync(() => HttpRouter.toWebHandler(layer, { disableLogger: true })),
    ({ handler }) =>
      Effect.promise(async () => {
        const headers = { host: "127.0.0.1", authorization: "Bearer the-token" }
        return (await handler(new Request("http://127.0.0.1/v1/consumers", { headers }))).status
      }),
    ({ dispose }) => Effect.promise(dispose)
  )

describe("an operation of the contract", () => {
  it.effect("answers behind the access check, and is closed without it", () =>
    Effect.gen(function*() {
      const check = Access.middleware({ host: "127.0.0.1", token: Redacted.make("the-token") })
      assert.strictEqual(yield* statusOf(Layer.mergeAll(routes, check)), 200)
      assert.strictEqual(yield* statusOf(routes), 401)
    }))

  it("requires the token in the OpenAPI document", () => {
    const { components, paths }: Document = JSON.parse(JSON.stringify(OpenApi.fromApi(Api)))
    const operations = Object.values(paths).flatMap((path) => Object.values(path))
    assert.isAbove(operations.length, 30)
    for (const { operationId, security } of operations) {
      assert.deepStrictEqual(security, [{ token: [] }], operationId)
    }
    assert.deepInclude(components.securitySchemes["token"], { type: "http", scheme: "bearer" })
  })

  it.effect("receives the token from the typed client, or no token if the client has none", () =>
    Effect.gen(function*() {
      const sent: Array<string | undefined> = []
      const listener = HttpClient.make((request) => {
        sent.push(request.headers["authorization"])
        return Effect.succeed(HttpClientResponse.fromWeb(request, Response.json({ consumers: [] })))
      })
      for (const token of [Redacted.make("the-token"), undefined]) {
        const client = AdminClient.layer({ url: "http://127.0.0.1", token }).pipe(
          Layer.provide(Layer.succeed(HttpClient.HttpClient, listener))
        )
        yield* Effect.flatMap(AdminClient, (api) => api.consumers.list()).pipe(Effect.provide(client))
      }
      assert.deepStrictEqual(sent, ["Bearer the-token", undefined])
    }))
})
