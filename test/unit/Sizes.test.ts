// Runs: node first

import { assert, describe, it } from "@effect/vitest"
import { fileSizes, functionSizes, functionsOf, type Size } from "../support/Sizes.ts"

/** Maximum number of lines of a file and of a function. There are no exceptions. */
const most = { file: 250, function: 50 }

/** The files or functions that are longer than allowed. */
const faultsOf = (sizes: ReadonlyArray<Size>, most: number): ReadonlyArray<string> =>
  sizes.filter(({ lines }) => lines > most)
    .map(({ lines, what }) => `${what} has ${lines} lines, at most ${most} are allowed`)

describe("the sources", () => {
  it("have no file of more than 250 lines", () => {
    assert.deepStrictEqual(faultsOf(fileSizes(), most.file), [])
  })

  it("have no function of more than 50 lines", () => {
    assert.deepStrictEqual(faultsOf(functionSizes(), most.function), [])
  })
})

describe("the test of sizes", () => {
  it("refuses what is too long", () => {
    assert.deepStrictEqual(faultsOf([{ what: "a", lines: 51 }, { what: "b", lines: 50 }], 50), [
      "a has 51 lines, at most 50 are allowed"
    ])
  })

  it("finds functions of every kind, named after their variable, property or method", () => {
    const source = `
      const make = Effect.fnUntraced(function*() {
        yield* 1
      })
      const handlers = { list: () => [
      ] }
      class Pull { #take() {
      } }
      function read() {}`
    assert.deepStrictEqual(functionsOf("a.ts", source), [
      { what: "a.ts make", lines: 3 },
      { what: "a.ts list", lines: 2 },
      { what: "a.ts #take", lines: 2 },
      { what: "a.ts read", lines: 1 }
    ])
  })
})
