import * as NodeHttpServerRequest from "@effect/platform-node/NodeHttpServerRequest"
import type { Stream } from "effect"
import { type HttpServerRequest, HttpServerResponse } from "effect/http"

/** The response with a stream of server-sent events. */
export const serverSent = (messages: Stream.Stream<Uint8Array>) =>
  HttpServerResponse.stream(messages, {
    contentType: "text/event-stream",
    headers: {
      "cache-control": "no-store",
      // For nginx, and other proxies that support this header: send each message without buffering.
      "x-accel-buffering": "no",
      // No other request follows on this connection, so a listener that stops need not wait for it.
      connection: "close"
    }
  })

/** Cuts the connection of a request. */
export const cut = (request: HttpServerRequest.HttpServerRequest) =>
  void NodeHttpServerRequest.toServerResponse(request).destroy()
