import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import { assert, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Layer } from "effect"
import { HttpRouter, HttpServer, HttpServerResponse } from "effect/http"
import { createAnsweringServer } from "../../../src/Process/AnsweringServer.ts"
import { send } from "../../support/Http.ts"

it.live("a server answers 503 while its application starts, and with the application's responses afterwards", () =>
  Effect.gen(function*() {
    const listening = yield* Deferred.make<string>()
    const made = yield* Deferred.make<void>()
    const slow = Layer.effectDiscard(Effect.gen(function*() {
      yield* Deferred.succeed(listening, HttpServer.formatAddress((yield* HttpServer.HttpServer).address))
      yield* Deferred.await(made)
    }))
    const routes = Layer.provideMerge(HttpRouter.add("GET", "/", HttpServerResponse.text("made")), slow)
    const server = HttpRouter.serve(routes, { disableLogger: true, disableListenLog: true }).pipe(
      Layer.provide(NodeHttpServer.layer(createAnsweringServer, { host: "127.0.0.1", port: 0 }))
    )
    const building = yield* Effect.forkScoped(Layer.build(server))
    const url = yield* Deferred.await(listening)
    const early = yield* send(url, { method: "POST", body: "x".repeat(200_000) })
    assert.deepStrictEqual([early.status, early.headers.get("retry-after")], [503, "1"])
    yield* Deferred.succeed(made, undefined)
    yield* Fiber.join(building)
    assert.strictEqual((yield* send(url)).body, "made")
  }))
