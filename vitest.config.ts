import { defineConfig } from "vitest/config"

export default defineConfig({
  test: {
    include: ["test/{unit,contract,integration,e2e}/**/*.test.ts"],
    silent: "passed-only",
    testTimeout: 60_000,
    hookTimeout: 60_000
  }
})
