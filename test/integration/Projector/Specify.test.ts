// Runs: long, node first

import { assert, describe, it } from "@effect/vitest"
import { projection, SpecificationFailed, specify } from "../../../src/projection.ts"

const plain = {
  name: "countries",
  version: 1,
  types: ["scan.created"],
  key: ["country"],
  columns: { country: "text", scans: "bigint", last_city: "text" },
  row: { country: "data->>'country'", last_city: "data->>'city'" },
  add: { scans: "1" }
} as const

const countries = projection(plain)

const scan = (id: string, country: string | null, city: string) => ({
  id,
  event: "scan.created",
  data: { id: `scan_${id}`, country, city }
})

/** Counts like `countries`, but the event that arrives last decides the city. */
const byArrival = projection({
  name: "by_arrival",
  version: 1,
  types: ["scan.created"],
  key: ["country"],
  columns: { country: "text", last_city: "text" },
  apply: ({ events, table }) => `
    insert into ${table} select distinct on (1) data->>'country', data->>'city', event_id, sequence from ${events}
    order by 1, sequence desc
    on conflict (country) do update set last_city = excluded.last_city, event_id = excluded.event_id,
      sequence = excluded.sequence`
})

describe("the specification of a read model", () => {
  it("accepts the rows of events that arrive several times, in any order and in any batches", async () => {
    await specify(countries)
      .given(scan("a", "CH", "Zurich"), scan("b", "DE", "Berlin"), scan("c", null, "Nowhere"))
      .given({ event: "conversation.completed", data: { id: "conv_1" } })
      .when(scan("d", "CH", "Bern"), { times: 3 })
      .then([
        { country: "CH", scans: 2, last_city: "Bern", event_id: "d", sequence: 5 },
        { country: "DE", scans: 1, last_city: "Berlin" }
      ])
  })

  it("fails with the rows that are lacking, and with further rows", async () => {
    const failure: unknown = await specify(countries).when(scan("a", "CH", "Zurich"))
      .then([{ country: "CH", scans: 2, last_city: "Zurich" }]).catch((error: unknown) => error)
    assert.instanceOf(failure, SpecificationFailed)
    assert.match(String(failure), /lacks: \{"country":"CH","scans":2.*has beyond that: \{.*"scans":1/s)
  })

  it("fails when the order of arrival changes the rows, and says in which order", async () => {
    const failure: unknown = await specify(byArrival).given(scan("a", "CH", "Zurich")).when(
      scan("b", "CH", "Bern")
    )
      .then([{ country: "CH", last_city: "Bern" }]).catch((error: unknown) => error)
    assert.match(String(failure), /depends on the order of its events.*the batches b \| a: \{.*"Zurich"/s)
  })

  it("fails with the message of Postgres when the SQL is wrong", async () => {
    const wrong = projection({ ...plain, row: { ...plain.row, last_city: "no_such_column" } })
    const failure: unknown = await specify(wrong).when(scan("a", "CH", "Zurich")).then([]).catch((
      error: unknown
    ) => error)
    assert.match(String(failure), /column "no_such_column" does not exist/)
  })

  it("rejects an await that forgets the rows", async () => {
    const failure: unknown = await Promise.resolve(specify(countries)).catch((error: unknown) => error)
    assert.match(String(failure), /then takes the expected rows/)
  })
})
