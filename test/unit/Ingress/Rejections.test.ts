import { assert, describe, it } from "@effect/vitest"
import { Buffer } from "node:buffer"
import { bodyId } from "../../../src/EventLog/Names.ts"
import { Rejections } from "../../../src/Ingress/Rejections.ts"
import { scanCreated } from "../../support/Webhook.ts"

const request = { headers: {}, url: "/webhooks/3qpr", socket: { remoteAddress: "127.0.0.1" } }

const heads = (rejections: Rejections) => rejections.all().map(({ head }) => Buffer.from(head).toString())

describe("the body of a rejected request", () => {
  it("is dropped if its id was erased, also if 3QPR never signed it or a part is missing", () => {
    const bodies = [
      scanCreated("evt_erased", { city: "Ann" }),
      scanCreated("evt_erased", { city: "Ann" }).slice(0, 40),
      `{ "event": "scan.created",\n  "id" : "evt_erased" }`,
      "no JSON"
    ]
    const erased = new Set(["evt_erased", bodyId(Buffer.from("no JSON"))])
    const rejections = new Rejections((id) => erased.has(id))
    for (const body of bodies) rejections.add("invalid_signature", request, Buffer.from(body), body.length)
    const other = scanCreated("evt_other")
    rejections.add("invalid_signature", request, Buffer.from(other), other.length)
    assert.deepStrictEqual(heads(rejections), [other, "", "", "", ""])
    assert.deepStrictEqual(rejections.all().map(({ size }) => size), [
      other.length,
      ...bodies.map(({ length }) => length).toReversed()
    ])
  })

  it("is dropped if its id is erased later", () => {
    const erased = new Set<string>()
    const rejections = new Rejections((id) => erased.has(id))
    const body = scanCreated("evt_late")
    rejections.add("invalid_signature", request, Buffer.from(body), body.length)
    const [{ id } = { id: "" }] = rejections.all()
    assert.deepStrictEqual(heads(rejections), [body])
    erased.add("evt_late")
    assert.strictEqual(rejections.find(id)?.head.length, 0)
    assert.deepStrictEqual(heads(rejections), [""])
  })

  it("costs a bounded number of look-ups, however many ids it has", () => {
    let lookups = 0
    const rejections = new Rejections(() => (lookups++, false))
    const body = `[${`{"id":"x"},`.repeat(100_000)}]`
    rejections.add("invalid_signature", request, Buffer.from(body), body.length)
    assert.isAtMost(lookups, 20)
  })
})
