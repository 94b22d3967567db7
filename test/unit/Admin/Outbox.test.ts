import { Buffer } from "node:buffer"
import { assert, describe, it } from "vitest"
import { framed, mostBytes, mostEntries, Outbox } from "../../../src/Admin/Live/Outbox.ts"

const entry = (sequence: number, size = 10) => ({
  sequence,
  bytes: Buffer.from(`id: ${sequence}\n${"x".repeat(size)}\n\n`)
})

/** Takes everything that waits in the outbox. */
const takeAll = (outbox: Outbox) => {
  let text = ""
  for (let bytes = outbox.take(); bytes !== undefined; bytes = outbox.take()) {
    text += Buffer.from(bytes).toString()
  }
  return text
}

const sequencesIn = (text: string) => [...text.matchAll(/^id: (\d+)$/gm)].map(([, id]) => Number(id))

describe("a message of /v1/live", () => {
  it("is a server-sent event, with an id if it has one", () => {
    const text = (bytes: Uint8Array) => Buffer.from(bytes).toString()
    assert.strictEqual(text(framed("entry", { a: "b\n" }, 7)), `id: 7\nevent: entry\ndata: {"a":"b\\n"}\n\n`)
    assert.strictEqual(text(framed("status", {})), "event: status\ndata: {}\n\n")
  })
})

describe("the outbox of a client of /v1/live", () => {
  it("delivers entries in order, then the newest status with the sequence of the last entry", () => {
    const outbox = new Outbox(4)
    outbox.status(Buffer.from("event: status\ndata: old\n\n"))
    outbox.status(Buffer.from("event: status\ndata: new\n\n"))
    outbox.entry(entry(5))
    outbox.entry(entry(6))
    const text = takeAll(outbox)
    assert.deepStrictEqual(sequencesIn(text), [5, 6, 6])
    assert.isTrue(text.endsWith("id: 6\nevent: status\ndata: new\n\n"))
    assert.notInclude(text, "old")
    assert.isUndefined(outbox.take())
  })

  it("sends no id while the client's position is unknown", () => {
    const outbox = new Outbox(undefined)
    outbox.status(Buffer.from("event: status\n\n"))
    assert.notInclude(takeAll(outbox), "id:")
    outbox.begin(9)
    outbox.status(Buffer.from("event: status\n\n"))
    assert.include(takeAll(outbox), "id: 9\n")
  })

  it("drops the oldest entries above its maximum count, and first reports which were skipped", () => {
    const outbox = new Outbox(100)
    for (let sequence = 101; sequence <= 100 + mostEntries + 5; sequence++) outbox.entry(entry(sequence))
    const text = takeAll(outbox)
    assert.match(text, /^event: skipped\ndata: \{"after":100,"up_to":105,"count":5\}\n\nid: 106\n/)
    assert.lengthOf(sequencesIn(text), mostEntries)
  })

  it("drops entries above its maximum size, but delivers a single entry that is larger", () => {
    const outbox = new Outbox(0)
    for (let sequence = 1; sequence <= 50; sequence++) outbox.entry(entry(sequence, mostBytes / 10))
    const text = takeAll(outbox)
    assert.isAtMost(text.length, mostBytes + 1_000)
    assert.strictEqual(sequencesIn(text).at(-1), 50)
    outbox.entry(entry(51, 2 * mostBytes))
    assert.deepStrictEqual(sequencesIn(takeAll(outbox)), [51])
  })

  it("delivers in small parts, so that a slow connection holds little memory", () => {
    const outbox = new Outbox(0)
    for (let sequence = 1; sequence <= 1_000; sequence++) outbox.entry(entry(sequence, 1_000))
    assert.isAtMost(outbox.take()?.length ?? 0, 70_000)
  })
})
