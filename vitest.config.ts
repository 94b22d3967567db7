import { availableParallelism } from "node:os"
import { defineConfig } from "vitest/config"

/** Tests that look at turns of an event loop, and at others' answers under abuse and load: nothing runs beside them. */
const alone = ["test/e2e/Abuse.test.ts", "test/e2e/Faults/Load.test.ts"]

const shared = {
  globalSetup: "test/support/Build.ts",
  silent: "passed-only",
  testTimeout: 60_000,
  hookTimeout: 60_000
} as const

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          ...shared,
          name: "together",
          include: ["test/{unit,contract,integration,e2e}/**/*.test.ts"],
          exclude: alone,
          // Most tests wait for processes of their own: two at a time are faster even where there are two cores.
          maxWorkers: Math.max(2, availableParallelism() - 1),
          sequence: { groupOrder: 0 }
        }
      },
      { test: { ...shared, name: "alone", include: alone, maxWorkers: 1, sequence: { groupOrder: 1 } } }
    ]
  }
})
