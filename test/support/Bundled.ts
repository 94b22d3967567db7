import { readFileSync } from "node:fs"
import { vendored } from "../../src/Admin/Dashboard/Vendor.ts"

const { dependencies, devDependencies } = JSON.parse(
  readFileSync(new URL("../../package.json", import.meta.url), "utf8")
)

/** The packages whose files the built program holds for the dashboard's page. */
const ofTheDashboard = new Set(
  vendored().map(({ file }) => /.*node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(file)?.[1])
)

/** Every package that we name ourselves and that runs with us: installed beside us, or part of the bundle. */
export const runtimePackages: Readonly<Record<string, string>> = {
  ...dependencies,
  ...Object.fromEntries(Object.entries(devDependencies).filter(([name]) => ofTheDashboard.has(name)))
}
