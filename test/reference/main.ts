// npm run docs:reference: writes the parts of docs that are generated from the code. `--check` writes nothing, and
// exits with 1 when a page is out of date.
import { Effect } from "effect"
import { writeFileSync } from "node:fs"
import process from "node:process"
import { pages } from "./Pages.ts"

const check = process.argv.includes("--check")
const stale = (await Effect.runPromise(pages)).filter(({ present, wanted }) => present !== wanted)
for (const { file, page, wanted } of stale) {
  if (!check) writeFileSync(file, wanted)
  process.stderr.write(`docs/${page} ${check ? "is not what the code says" : "is written"}\n`)
}
if (check && stale.length > 0) {
  process.stderr.write("Run `npm run docs:reference` and commit the pages.\n")
  process.exitCode = 1
}
