// Runs: node first

import { assert, describe, it } from "@effect/vitest"
import { fileSizes, functionSizes, functionsOf, type Size } from "../support/Sizes.ts"

/** Maximum number of lines of a file and of a function. */
const most = { file: 250, function: 50 }

/** Files and functions that exceed the maximum, with their lines. Entries may only be removed, and numbers lowered. */
const exceptions: Readonly<Record<"files" | "functions", Readonly<Record<string, number>>>> = {
  files: {},
  functions: {
    "Cli/Simulate/Result.ts showReport": 54,
    "Cli/Status.ts show": 58,
    "Dashboard/views/Events.js Newest": 53,
    "Dashboard/views/OverTime.js OverTime": 76,
    "Dashboard/views/work/DeadLetters.js DeadLetters": 91,
    "Dashboard/views/work/Operate.js Operate": 64,
    "Dashboard/views/work/Quarantine.js Quarantine": 68
  }
}

/** The files or functions that are longer than allowed, and exceptions that are no longer needed. */
const faultsOf = (
  sizes: ReadonlyArray<Size>,
  most: number,
  exceptions: Readonly<Record<string, number>>
): ReadonlyArray<string> => {
  const longest = new Map<string, number>()
  for (const { lines, what } of sizes) longest.set(what, Math.max(lines, longest.get(what) ?? 0))
  return [
    ...[...longest].flatMap(([what, lines]) => {
      const limit = Math.max(most, exceptions[what] ?? 0)
      return lines > limit ? [`${what} has ${lines} lines, at most ${limit} are allowed`] : []
    }),
    ...Object.keys(exceptions).filter((what) => (longest.get(what) ?? 0) <= most)
      .map((what) => `${what} is no exception any longer: remove it from the list`)
  ]
}

describe("the sources", () => {
  it("have no file of more than 250 lines except those listed", () => {
    assert.deepStrictEqual(faultsOf(fileSizes(), most.file, exceptions.files), [])
  })

  it("have no function of more than 50 lines except those listed", () => {
    assert.deepStrictEqual(faultsOf(functionSizes(), most.function, exceptions.functions), [])
  })
})

describe("the test of sizes", () => {
  it("refuses a function that is too long, an exception that grows, and one that is not needed", () => {
    assert.deepStrictEqual(
      faultsOf([{ what: "a", lines: 51 }, { what: "b", lines: 61 }, { what: "c", lines: 50 }], 50, {
        b: 60,
        c: 60,
        d: 60
      }),
      [
        "a has 51 lines, at most 50 are allowed",
        "b has 61 lines, at most 60 are allowed",
        "c is no exception any longer: remove it from the list",
        "d is no exception any longer: remove it from the list"
      ]
    )
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
