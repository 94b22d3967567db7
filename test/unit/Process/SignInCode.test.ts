import { assert, describe, it } from "@effect/vitest"
import { Effect, Redacted } from "effect"
import { TestClock } from "effect/testing"
import { Buffer } from "node:buffer"
import { linkTo, make, validFor } from "../../../src/Process/SignInCode.ts"

const token = Redacted.make("token_of_an_operator")
const url = "http://127.0.0.1:3001"

const newCode = Effect.map(linkTo(url, token), (link) => link.split("#sign-in=")[1] ?? "")

describe("a sign-in link", () => {
  it.effect("has its code in the fragment, which no server receives, and not the token", () =>
    Effect.gen(function*() {
      const link = new URL(yield* linkTo(url, token))
      assert.deepInclude(link, { origin: url, pathname: "/", search: "" })
      assert.match(link.hash, /^#sign-in=[\w-]{40,}$/)
      assert.notInclude(link.href, Redacted.value(token))
      assert.notStrictEqual(yield* linkTo(url, token), link.href)
    }))

  it.effect("signs in once", () =>
    Effect.gen(function*() {
      yield* TestClock.setTime(1_000_000)
      const take = make(token, 1_000_000)
      const [first, second] = [yield* newCode, yield* newCode]
      assert.isTrue(take(first, 1_000_000))
      assert.isFalse(take(first, 1_000_000))
      assert.isFalse(take(first, 1_000_000 + validFor - 1))
      assert.isTrue(take(second, 1_000_001))
      assert.isFalse(take(first, 1_000_000))
    }))

  it.effect("is valid for ten minutes, and never at a process that started after its creation", () =>
    Effect.gen(function*() {
      yield* TestClock.setTime(1_000_000)
      const code = yield* newCode
      assert.isFalse(make(token, 0)(code, 1_000_000 + validFor))
      assert.isFalse(make(token, 0)(code, 1_000_000 - validFor))
      assert.isFalse(make(token, 1_000_001)(code, 1_000_002))
      assert.isTrue(make(token, 1_000_000)(code, 1_000_000 + validFor - 1))
    }))

  it.effect("is valid for the right token only, and only if it is unchanged", () =>
    Effect.gen(function*() {
      yield* TestClock.setTime(1_000_000)
      const code = yield* newCode
      const now = 1_000_000
      assert.isFalse(make(Redacted.make("token_of_another_one"), 0)(code, now))
      const bytes = Buffer.from(code, "base64url")
      for (let at = 0; at < bytes.length; at++) {
        const changed = Buffer.from(bytes)
        changed.writeUInt8(bytes.readUInt8(at) ^ 1, at)
        assert.isFalse(make(token, 0)(changed.toString("base64url"), now), `byte ${at}`)
      }
      for (
        const wrong of ["", "x", code.slice(0, -2), `${code}AA`, "=".repeat(100), "\0", code.slice(0, 29)]
      ) {
        assert.isFalse(make(token, 0)(wrong, now), wrong)
      }
    }))
})
