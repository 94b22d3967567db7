import { availableParallelism } from "node:os"
import { defineConfig } from "vitest/config"

export default defineConfig({
  test: {
    include: ["test/{unit,contract,integration,e2e}/**/*.test.ts"],
    // Most tests wait for processes of their own: two at a time are faster even where there are two cores.
    maxWorkers: Math.max(2, availableParallelism() - 1),
    silent: "passed-only",
    testTimeout: 60_000,
    hookTimeout: 60_000
  }
})
