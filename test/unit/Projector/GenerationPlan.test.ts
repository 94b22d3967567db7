import { assert, describe, it } from "@effect/vitest"
import type { Look } from "../../../src/Projector/Place/Look.ts"
import type { Projection } from "../../../src/Projector/Projection.ts"
import { scans } from "../../../src/Projector/Projections/Scans.ts"
import {
  isOurs,
  type Observation,
  plan,
  type Reasons
} from "../../../src/Projector/Rebuild/GenerationPlan.ts"
import type { Live, Rebuild } from "../../../src/Projector/Registry.ts"

const projection: Projection = { ...scans, version: 2 }

const runs: Look = { runs: true, restart: false, otherLog: undefined, fault: undefined }

const live = (fields: Partial<Live> = {}): Live => ({
  name: "scans",
  generation: 1,
  version: 2,
  claimed_version: 2,
  revision: 1,
  types: null,
  error: null,
  error_at: null,
  log: null,
  durable: "scans-1",
  tables: null,
  ...fields
})

const rebuild = (fields: Partial<Rebuild> = {}): Rebuild => ({
  id: 7,
  name: "scans",
  generation: 2,
  version: 2,
  claimed_version: 2,
  revision: 1,
  types: null,
  kind: "rebuild",
  state: "running",
  requested_by: "a test",
  requested_at: "2026-01-01T00:00:00.000Z",
  started_at: null,
  finished_at: null,
  error: null,
  result: null,
  log: null,
  durable: "scans-2",
  completed: false,
  accepts_new_log: false,
  ...fields
})

const observed = (fields: Partial<Observation>): Observation => ({
  projection,
  live: { one: live(), look: runs },
  rebuild: undefined,
  ...fields
})

/** The running generations, with the reason why they do not advance, if any. */
const running = (durables: ReadonlyArray<string> = [], reason?: string): Reasons =>
  new Map(durables.map((durable) => [durable, { reason, noted: undefined }]))

/** Decisions as short texts, without reports that there is no fault. */
const decided = (observation: Partial<Observation>, reasons: Reasons) =>
  plan([observed(observation)], reasons).flatMap((decision) => {
    switch (decision._tag) {
      case "Start":
        return [`start ${decision.one.durable}`]
      case "Stop":
        return [`stop ${decision.durable}`]
      case "Report":
        return decision.fault === undefined ? [] : [`report ${decision.one.durable}: ${decision.fault}`]
      case "Note":
        return [`note ${decision.one.durable}: ${decision.reason}`]
      case "Advance":
        return [typeof decision.step === "string" ? decision.step : `fail: ${decision.step.fail}`]
    }
  })

describe("the plan of generations", () => {
  it("starts a generation that is wanted and not running, and keeps a running one", () => {
    assert.deepStrictEqual(decided({}, running()), ["start scans-1"])
    assert.deepStrictEqual(decided({}, running(["scans-1"])), [])
  })

  it("stops a generation that the registry does not name, and one that must not be applied", () => {
    assert.deepStrictEqual(decided({}, running(["scans-1", "scans-0"])), ["stop scans-0"])
    const look = { ...runs, runs: false, otherLog: "another log", fault: "another log" }
    assert.deepStrictEqual(
      decided({ live: { one: live(), look } }, running(["scans-1"])),
      ["report scans-1: another log", "stop scans-1"]
    )
  })

  it("stops and restarts a generation that has to create its durable consumer again", () => {
    const look = { ...runs, restart: true }
    assert.deepStrictEqual(
      decided({ live: { one: live(), look } }, running(["scans-1"])),
      ["stop scans-1", "start scans-1"]
    )
    assert.deepStrictEqual(decided({ live: { one: live(), look } }, running()), ["start scans-1"])
  })

  it("reports the tables of a newer program, and neither reads nor writes them", () => {
    const one = live({ version: 3 })
    assert.isFalse(isOurs(projection, one))
    assert.deepStrictEqual(decided({ live: { one, look: undefined } }, running(["scans-1"])), [
      "report scans-1: version 3 of scans is live, but this process has version 2, so it applies no event of scans. "
      + "Deploy the newer version of the program",
      "stop scans-1"
    ])
  })

  it("stands aside for a generation that follows a newer definition", () => {
    const one = live({ revision: 2, types: ["menu.opened", "scan.created"] })
    assert.isFalse(isOurs(projection, one))
    const [report, ...others] = decided({ live: { one, look: undefined } }, running(["scans-1"]))
    assert.match(
      report ?? "",
      /^report scans-1: scans applies menu\.opened, scan\.created \(version 2, revision 2\)/
    )
    assert.deepStrictEqual(others, ["stop scans-1"])
  })

  it("says that a rebuild is due when the tables of an older program cannot be written", () => {
    const one = live({ version: 1 })
    assert.isTrue(isOurs(projection, one))
    const [report] = decided({ live: { one, look: runs } }, running(["scans-1"], "no such column"))
    assert.match(
      report ?? "",
      /^report scans-1: no such column\. The read model scans has version 1, .*rebuild/
    )
    assert.deepStrictEqual(decided({ live: { one, look: runs } }, running(["scans-1"])), [])
  })

  it("records once why a generation does not advance, unless it is restarted", () => {
    const failing = running(["scans-1"], "no room")
    assert.deepStrictEqual(decided({}, failing), ["note scans-1: no room"])
    assert.deepStrictEqual(decided({}, new Map([["scans-1", { reason: "no room", noted: "no room" }]])), [])
    const restarts = { one: live(), look: { ...runs, restart: true } }
    assert.deepStrictEqual(decided({ live: restarts }, failing), ["stop scans-1", "start scans-1"])
  })
})

describe("the plan of a rebuild", () => {
  const advanced = (one: Rebuild, look: Look | undefined = runs, ofLive: Look = runs) =>
    decided({ live: { one: live(), look: ofLive }, rebuild: { one, look } }, running(["scans-1", "scans-2"]))
      .filter((decision) => !/^(report|stop|start)/.test(decision))

  it("creates its tables, then completes it when it has caught up", () => {
    assert.deepStrictEqual(advanced(rebuild({ version: null }), undefined), ["begin"])
    assert.deepStrictEqual(advanced(rebuild()), ["complete"])
  })

  it("leaves the rebuild of a newer program to another process", () => {
    assert.deepStrictEqual(advanced(rebuild({ version: 3 }), undefined), [])
  })

  it("fails a rebuild that an older program began", () => {
    assert.deepStrictEqual(advanced(rebuild({ version: 1, claimed_version: 1 })), [
      "fail: Version 1 was being built when version 2 was deployed. Start the rebuild again."
    ])
  })

  it("leaves the rebuild of a newer definition to another process, and fails that of an older one", () => {
    const types = ["menu.opened"]
    assert.deepStrictEqual(advanced(rebuild({ revision: 2, types }), undefined), [])
    assert.match(advanced(rebuild({ revision: 0, types }), undefined)[0] ?? "", /^fail: An older version/)
  })

  it("fails a rebuild whose own log was replaced, even if it accepts a new log", () => {
    const look = { ...runs, otherLog: "its log is gone" }
    assert.deepStrictEqual(advanced(rebuild({ accepts_new_log: true }), look), ["fail: its log is gone"])
  })

  it("fails a rebuild when the live rows come from another log, unless it may replace them", () => {
    const other = { ...runs, otherLog: "another log" }
    assert.deepStrictEqual(advanced(rebuild(), runs, other), ["fail: another log"])
    assert.deepStrictEqual(advanced(rebuild({ accepts_new_log: true }), runs, other), ["complete"])
    assert.deepStrictEqual(
      advanced(rebuild({ accepts_new_log: true, kind: "verify" }), runs, other),
      ["fail: another log"]
    )
  })
})
