// Runs: node first

import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { Buffer } from "node:buffer"
import { decodeDelivery } from "../../../src/Domain/Decode.ts"
import { knownTypes } from "../../../src/Domain/Event.ts"
import { sampleOf } from "../../../src/Provider/Simulator/Samples.ts"

describe("samples", () => {
  it.effect.each([...knownTypes, "menu.opened"])(
    "of %s are events that are not quarantined",
    (type) =>
      Effect.gen(function*() {
        for (let made = 0; made < 50; made++) {
          const sample = yield* sampleOf(type)
          assert.match(sample.id, /^evt_01[0-9A-Z]{24}$/)
          const reading = decodeDelivery(Buffer.from(JSON.stringify(sample)))
          assert.strictEqual(reading._tag, "Event", JSON.stringify(sample))
        }
      })
  )
})
