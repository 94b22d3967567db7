/** Makes `dist`, which only the published package runs: JavaScript, declarations, and every other file of src. */
import { execFileSync } from "node:child_process"
import { cpSync, rmSync } from "node:fs"
import process from "node:process"

rmSync("dist", { recursive: true, force: true })
execFileSync(process.execPath, ["node_modules/typescript/bin/tsc", "-p", "tsconfig.build.json"], {
  stdio: "inherit"
})
cpSync("src", "dist", { recursive: true, filter: (file) => !file.endsWith(".ts") })
