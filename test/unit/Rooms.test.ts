// Runs: node first

import { assert, describe, it } from "@effect/vitest"
import { basename } from "node:path"
import {
  aboutOf,
  circlesOf,
  entryPoints,
  files,
  imports,
  loadedBy,
  roomOf,
  rooms,
  wrongOf
} from "../support/Rooms.ts"

const all = imports()

describe("the rooms of src", () => {
  it("are at most 14 at the top level, beside the entry points", () => {
    const door = [...new Set(files.map((file) => file.split("/")[0] ?? ""))]
    const folders = door.filter((name) => !entryPoints.includes(name))
    assert.deepStrictEqual(
      folders.toSorted(),
      rooms.map(({ name }) => name).filter((name) => !name.includes("/")).toSorted()
    )
    assert.isAtMost(folders.length, 14)
  })

  it("state in their entry file what they hold, promise and may use", () => {
    for (const room of rooms) {
      const { holds, promises, uses } = aboutOf(room)
      assert.notStrictEqual(holds, "", room.name)
      assert.notStrictEqual(promises, "", room.name)
      assert.strictEqual(
        uses,
        `${room.uses.map((name) => `\`${name}\``).join(", ") || "nothing"}.`,
        room.name
      )
    }
  })

  it("import only what the table allows", () => {
    assert.isAbove(all.length, 1_000)
    assert.deepStrictEqual(wrongOf(all), [])
  })

  it("use each room that the table allows", () => {
    const used = new Set(all.map(({ from, to }) => `${roomOf(from)?.name} ${roomOf(to)?.name}`))
    const idle = rooms.flatMap(({ name, uses }) => uses.map((other) => `${name} ${other}`)).filter((one) =>
      !used.has(one)
    )
    assert.deepStrictEqual(idle, [])
  })

  it("use only rooms above them in the table, so that no cycle is allowed", () => {
    const at = new Map(rooms.map(({ name }, index) => [name, index]))
    const back = rooms.flatMap(({ name, uses }) =>
      uses.filter((other) => (at.get(other) ?? Infinity) >= (at.get(name) ?? -1)).map((other) =>
        `${name} ${other}`
      )
    )
    assert.deepStrictEqual(back, [])
  })

  it("have no import cycles between files", () => {
    assert.deepStrictEqual(circlesOf(all), [])
  })

  it("have at most three files with the same name", () => {
    const names = files.filter((file) => /\.(ts|js)$/.test(file)).map((file) => basename(file))
    const often = [...new Set(names)].filter((name) => names.filter((other) => other === name).length > 3)
    assert.deepStrictEqual(often, [])
  })
})

describe("loading", () => {
  const engines = /^(nats|pg|@effect\/sql-pg|@electric-sql\/pglite)(\/|$)|^(Nats|EventLog|Projector)\//
  const enginesOf = (entry: string) => [...loadedBy(entry)].filter((name) => engines.test(name))

  it.each([
    "main.ts",
    "client.ts",
    "Admin/Client.ts",
    "Admin/Client/Connect.ts",
    "Provider/Simulator.ts",
    "Signature/Signature.ts",
    "simulator.ts"
  ])(
    "%s loads neither the NATS client nor the Postgres client",
    (entry) => assert.deepStrictEqual(enginesOf(entry), [])
  )

  it("the entry point of the signature loads no package", () => {
    const packages = [...loadedBy("signature.ts")].filter((name) => !name.endsWith(".ts"))
    assert.deepStrictEqual(packages.toSorted(), ["node:buffer", "node:crypto"])
  })

  it("the server loads both", () => {
    assert.includeMembers(enginesOf("Cli/Serve/App.ts"), ["nats", "@effect/sql-pg", "Projector/Projector.ts"])
  })
})

describe("the test of the rooms", () => {
  it("refuses an import of a lower room, of the server by the contract, and of an entry point", () => {
    assert.deepStrictEqual(
      wrongOf([
        { from: "Domain/Event.ts", to: "Nats/Nats.ts" },
        { from: "Admin/Api/Live.ts", to: "Admin/Live/LiveHandlers.ts" },
        { from: "Admin/Api.ts", to: "Process/Failure.ts" },
        { from: "Cli/Cli.ts", to: "main.ts" }
      ]),
      [
        "Domain/Event.ts imports Nats/Nats.ts: Domain may not use Nats",
        "Admin/Api/Live.ts imports Admin/Live/LiveHandlers.ts: Admin/Api may not use Admin",
        "Admin/Api.ts imports Process/Failure.ts: Admin/Api may not use Process",
        "Cli/Cli.ts imports main.ts: Cli may not use an entry point"
      ]
    )
  })

  it("finds a cycle of files", () => {
    const circle = [{ from: "a", to: "b" }, { from: "b", to: "c" }, { from: "c", to: "b" }, {
      from: "c",
      to: "d"
    }]
    assert.deepStrictEqual(circlesOf(circle), [["b", "c"]])
  })

  it("reads imports of values and types, dynamic imports, and imports in comments", () => {
    const found = (from: string, to: string) => all.some((one) => one.from === from && one.to === to)
    assert.isTrue(found("Ingress/Ingress.ts", "EventLog/EventLog.ts"))
    assert.isTrue(found("Projector/Place/Place.ts", "Projector/Place/Position.ts"))
    assert.isTrue(found("Cli/Doctor.ts", "Cli/Examine/Examine.ts"))
    assert.isTrue(found("Dashboard/live/Status.js", "Admin/Api/Live.ts"))
  })
})
