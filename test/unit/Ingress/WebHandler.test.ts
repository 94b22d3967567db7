import { assert, describe, it } from "@effect/vitest"
import { Redacted } from "effect"
import process from "node:process"
import type { Entry, Stored } from "../../../src/EventLog/EventLog.ts"
import { webhookHandler, type WebhookOptions } from "../../../src/Ingress/WebHandler.ts"
import * as Signature from "../../../src/Signature/Signature.ts"
import { scanCreated, secret, signed } from "../../support/Webhook.ts"

const secrets = Redacted.value(secret)

const request = (body: BodyInit | null, headers: Readonly<Record<string, string>> = {}) => {
  const init: RequestInit & { readonly duplex: "half" } = { method: "POST", body, headers, duplex: "half" }
  return new Request("http://localhost/api/webhooks/3qpr", init)
}

const delivery = (id: string) => {
  const { body, signature } = signed(scanCreated(id))
  return request(new Uint8Array(body), { "x-3qpr-signature": signature })
}

/** An event log that keeps its entries in an array. */
const memory = () => {
  const entries: Array<Entry> = []
  const append = async (entry: Entry): Promise<Stored> => {
    const found = entries.findIndex(({ id }) => id === entry.id)
    if (found < 0) entries.push(entry)
    return { sequence: found < 0 ? entries.length : found + 1, duplicate: found >= 0 }
  }
  return { entries, append }
}

const answerOf = async (answer: Promise<Response>) => {
  const response = await answer
  return [response.status, await response.json()]
}

describe("a web handler with the user's own log", () => {
  it("stores a signed event and reports a duplicate", async () => {
    const log = memory()
    const handler = webhookHandler({ secrets, log })
    assert.deepStrictEqual(await answerOf(handler(delivery("evt_1"))), [200, {
      ok: true,
      id: "evt_1",
      duplicate: false
    }])
    assert.deepStrictEqual(await answerOf(handler(delivery("evt_1"))), [200, {
      ok: true,
      id: "evt_1",
      duplicate: true
    }])
    assert.deepStrictEqual(log.entries.map(({ subject }) => subject), ["3qpr.events.scan.created"])
    await handler.close()
  })

  it("accepts secrets in the format of THREEQPR_WEBHOOK_SECRET, and ignores an expired one", async () => {
    const ended = `${secrets};until=2026-01-01T00:00:00Z`
    await using rotated = webhookHandler({
      secrets: `whsec_of_next_month,${secrets};until=2999-01-01T00:00:00Z`,
      log: memory()
    })
    assert.strictEqual((await rotated(delivery("evt_1"))).status, 200)
    await using late = webhookHandler({ secrets: ["whsec_of_next_month", ended], log: memory() })
    assert.deepStrictEqual(await answerOf(late(delivery("evt_1"))), [400, { error: "invalid_signature" }])
  })

  it("takes each item of a list as one secret, with its commas", async () => {
    const withComma = Redacted.make("whsec_with a comma, and a space")
    await using handler = webhookHandler({ secrets: [Redacted.value(withComma)], log: memory() })
    const body = new TextEncoder().encode(scanCreated("evt_1"))
    const headers = { "x-3qpr-signature": Signature.sign(body, withComma) }
    assert.strictEqual((await handler(request(body, headers))).status, 200)
  })

  it("refuses a signature that the framework joined from two headers", async () => {
    await using handler = webhookHandler({ secrets, log: memory() })
    const twice = delivery("evt_1")
    twice.headers.append("x-3qpr-signature", twice.headers.get("x-3qpr-signature") ?? "")
    assert.deepStrictEqual(await answerOf(handler(twice)), [400, { error: "ambiguous_signature" }])
  })

  it("does not read a body that is declared too large or is compressed", async () => {
    await using handler = webhookHandler({ secrets, log: memory(), maxBodyBytes: 4_096 })
    const untouched = () =>
      new ReadableStream({ pull: () => assert.fail("it was read") }, { highWaterMark: 0 })
    const large = request(untouched(), { "content-length": "4097" })
    assert.deepStrictEqual(await answerOf(handler(large)), [413, { error: "body_too_large" }])
    const encoded = request(untouched(), { "content-encoding": "br" })
    assert.deepStrictEqual(await answerOf(handler(encoded)), [415, { error: "unsupported_encoding" }])
    assert.isFalse(large.bodyUsed || encoded.bodyUsed)
  })

  it("cancels a body that exceeds the limit, and one of tiny parts", async () => {
    await using handler = webhookHandler({ secrets, log: memory(), maxBodyBytes: 1_000_000 })
    for (const size of [600_000, 1]) {
      let cancelled = false
      const endless = new ReadableStream<Uint8Array>({
        pull: (controller) => controller.enqueue(new Uint8Array(size)),
        cancel: () => void (cancelled = true)
      })
      assert.deepStrictEqual(await answerOf(handler(request(endless))), [413, { error: "body_too_large" }])
      assert.isTrue(cancelled)
    }
  })

  it("answers 503 with Retry-After when the log rejects or throws", async () => {
    for (const append of [() => Promise.reject(new Error("full")), () => assert.fail("bug")]) {
      await using handler = webhookHandler({ secrets, log: { append } })
      const answer = await handler(delivery("evt_1"))
      assert.deepStrictEqual([answer.status, answer.headers.get("retry-after")], [503, "5"])
    }
  })

  it("answers 503 within four seconds when the log never answers, and 408 when the body never arrives", async () => {
    await using handler = webhookHandler({ secrets, log: { append: () => new Promise<Stored>(() => {}) } })
    const started = performance.now()
    const answers = await Promise.all([
      answerOf(handler(delivery("evt_1"))),
      answerOf(handler(request(new ReadableStream())))
    ])
    assert.deepStrictEqual(answers, [[503, { error: "unavailable" }], [408, { error: "body_too_slow" }]])
    assert.isBelow(performance.now() - started, 5_000)
  })

  it("cancels a body that is too slow: at once, and on Deno when a part arrives, because it would leak before", async () => {
    await using handler = webhookHandler({ secrets, log: memory() })
    let cancelled = 0
    let send = () => {}
    const slow = new ReadableStream<Uint8Array>({
      start: (controller) => void (send = () => controller.enqueue(new Uint8Array(1))),
      cancel: () => void cancelled++
    }, { highWaterMark: 0 })
    assert.deepStrictEqual(await answerOf(handler(request(slow))), [408, { error: "body_too_slow" }])
    if (process.versions["deno"] !== undefined) {
      assert.strictEqual(cancelled, 0)
      send()
      await new Promise((wake) => setTimeout(wake, 0))
    }
    assert.strictEqual(cancelled, 1)
  })

  it("answers 503 above its limit of deliveries in flight, and accepts deliveries again below it", async () => {
    const waiting: Array<() => void> = []
    const append = () =>
      new Promise<Stored>((stored) => waiting.push(() => stored({ sequence: 1, duplicate: false })))
    await using handler = webhookHandler({ secrets, log: { append }, maxInFlight: 2 })
    const inFlight = [handler(delivery("evt_1")), handler(delivery("evt_2"))]
    while (waiting.length < 2) await new Promise(setImmediate)
    assert.deepStrictEqual(await answerOf(handler(delivery("evt_3"))), [503, { error: "unavailable" }])
    for (const stored of waiting) stored()
    for (const answer of await Promise.all(inFlight)) assert.strictEqual(answer.status, 200)
    const next = handler(delivery("evt_4"))
    while (waiting.length < 3) await new Promise(setImmediate)
    waiting[2]?.()
    assert.strictEqual((await next).status, 200)
  })

  it("answers 503 to a body that a parser has read, and to one whose client disconnected", async () => {
    const log = memory()
    await using handler = webhookHandler({ secrets, log })
    const parsed = delivery("evt_1")
    await parsed.text()
    assert.strictEqual((await handler(parsed)).status, 503)
    const gone = request(new ReadableStream({ pull: (controller) => controller.error(new Error("gone")) }))
    assert.strictEqual((await handler(gone)).status, 503)
    assert.isEmpty(log.entries)
  })

  it("answers deliveries in flight before it closes, and refuses later ones", async () => {
    const begun = Promise.withResolvers<void>()
    const stored = Promise.withResolvers<Stored>()
    const append = () => {
      begun.resolve()
      return stored.promise
    }
    const handler = webhookHandler({ secrets, log: { append } })
    const inFlight = handler(delivery("evt_1"))
    await begun.promise
    const closed = handler.close()
    assert.strictEqual((await handler(delivery("evt_2"))).status, 503)
    stored.resolve({ sequence: 1, duplicate: false })
    assert.strictEqual((await inFlight).status, 200)
    await closed
    await handler.close()
  })
})

describe("the options of a web handler", () => {
  const messageOf = (options: object) => {
    try {
      webhookHandler(options as WebhookOptions)
    } catch (error) {
      if (error instanceof TypeError) return error.message
      throw error
    }
    return assert.fail("they were taken")
  }

  it("are refused by name with the allowed values, without showing secrets", () => {
    const message = messageOf({
      secrets: ["whsec_short"],
      natsUrl: "https://user:hunter2@example.org",
      token: 7,
      maxBodyBytes: 0,
      maxInFlight: "many",
      secret: "whsec_of_another_option"
    })
    assert.deepStrictEqual(
      message.split("\n").map((line) => /^webhookHandler(?: has no option|:) (\w+)/.exec(line)?.[1]),
      ["secret", "secrets", "natsUrl", "token", "maxBodyBytes", "maxInFlight"]
    )
    assert.include(message, `maxInFlight is "many"; allowed is a whole number from 1 to 65536`)
    assert.notMatch(message, /whsec_|hunter2/)
  })

  it("name either a broker or a log", () => {
    for (const options of [{ secrets }, { secrets, log: memory(), natsUrl: "nats://127.0.0.1:4222" }]) {
      assert.match(messageOf(options), /natsUrl is .*; allowed is .*or log, but not both/)
    }
  })

  it("include secrets as a required option", () => {
    assert.match(messageOf({ natsUrl: "nats://127.0.0.1:4222" }), /secrets is undefined; allowed is/)
  })
})
