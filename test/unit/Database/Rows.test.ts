// Runs: node first

import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Schema } from "effect"
import { isSqlError, type SqlError } from "effect/sql/SqlError"
import { allRows, firstRow, onlyRow } from "../../../src/Database/Rows.ts"
import { isCausedByData, isTransient } from "../../../src/Database/SqlFailure.ts"
import { messageOf } from "../../../src/Process/Failure.ts"

const Row = Schema.Struct({ sequence: Schema.Finite })
const statement = (...rows: ReadonlyArray<unknown>) => Effect.succeed(rows)

describe("rows of a statement", () => {
  it.effect("are decoded as all rows, the first row, or the only row", () =>
    Effect.gen(function*() {
      const rows = statement({ sequence: 1 }, { sequence: 2 })
      assert.deepStrictEqual(yield* allRows(Row)(rows), [{ sequence: 1 }, { sequence: 2 }])
      assert.deepStrictEqual(yield* firstRow(Row)(rows), { sequence: 1 })
      assert.isUndefined(yield* firstRow(Row)(statement()))
      assert.deepStrictEqual(yield* onlyRow(Row)(statement({ sequence: 3 })), { sequence: 3 })
    }))

  const mismatches: ReadonlyArray<
    { readonly what: string; readonly decoded: Effect.Effect<unknown, SqlError> }
  > = [
    { what: "all", decoded: allRows(Row)(statement({ sequence: "1" })) },
    { what: "the first", decoded: firstRow(Row)(statement({ sequence: "1" })) },
    { what: "the only one", decoded: onlyRow(Row)(statement({ sequence: "1" })) },
    { what: "none where one is due", decoded: onlyRow(Row)(statement()) }
  ]

  it.effect.each(mismatches)(
    "make the statement fail when they do not match the schema: $what",
    ({ decoded }) =>
      Effect.gen(function*() {
        const exit = yield* Effect.exit(decoded)
        if (!Exit.isFailure(exit)) return assert.fail("a row was accepted that does not match")
        assert.isTrue(
          exit.cause.reasons.every((reason) => reason._tag === "Fail" && isSqlError(reason.error))
        )
        assert.match(messageOf(exit.cause), /a row does not have the shape that its statement selects: /)
        assert.isFalse(isTransient(exit.cause))
        assert.isFalse(isCausedByData(exit.cause), "no event is set aside for it")
      })
  )
})
