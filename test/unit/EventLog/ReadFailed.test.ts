// Runs: node first

import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { ErrorCode, NatsError } from "nats"
import { reading } from "../../../src/EventLog/Reader.ts"

const failed = (error: Error) =>
  Effect.map(Effect.flip(reading(() => Promise.reject(error))), ({ message }) => message)

describe("a failed read of the log", () => {
  it.effect("explains the error codes of the NATS client in words", () =>
    Effect.gen(function*() {
      for (
        const [code, words] of [
          [ErrorCode.Timeout, "the broker does not answer"],
          [ErrorCode.ConnectionClosed, "the connection to the broker has ended"],
          [ErrorCode.Disconnect, "the connection to the broker is lost"]
        ] as const
      ) assert.strictEqual(yield* failed(new NatsError(code, code)), words)
      assert.strictEqual(
        yield* failed(new NatsError("stream not found", ErrorCode.ApiError)),
        "stream not found"
      )
      assert.strictEqual(yield* failed(new Error("invalid entry")), "invalid entry")
    }))
})
