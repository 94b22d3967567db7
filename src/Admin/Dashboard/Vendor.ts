import { Buffer } from "node:buffer"
import { readFileSync } from "node:fs"
import { createRequire } from "node:module"
import { dirname, join } from "node:path"

/** A file of an npm package that the dashboard's page loads. */
export interface Vendor {
  /** The name of the file under `vendor/`. */
  readonly as: string
  readonly file: string
  readonly suffix?: string
}

/** Maps the package names that modules import to paths of the page. */
export const imports: Readonly<Record<string, string>> = {
  "preact": "vendor/preact.js",
  "preact/hooks": "vendor/preact-hooks.js",
  "htm": "vendor/htm.js",
  "@preact/signals": "vendor/signals.js",
  "@preact/signals-core": "vendor/signals-core.js",
  "uplot": "vendor/uplot.js"
}

/** The vendor files in the installed packages. The bundled program has copies of them beside its page. */
export const vendored = (): ReadonlyArray<Vendor> => {
  const { resolve } = createRequire(import.meta.url)
  const beside = (entry: string, name: string) => join(dirname(entry), name)
  const signals = resolve("@preact/signals")
  const core = createRequire(signals).resolve("@preact/signals-core")
  return [
    { as: "preact.js", file: resolve("preact") },
    { as: "preact-hooks.js", file: resolve("preact/hooks") },
    { as: "htm.js", file: beside(resolve("htm"), "htm.module.js") },
    { as: "signals.js", file: beside(signals, "signals.module.js") },
    { as: "signals-core.js", file: beside(core, "signals-core.module.js") },
    // The package minifies its classic script only. Its module file is twice as large.
    { as: "uplot.js", file: resolve("uplot/dist/uPlot.iife.min.js"), suffix: "\nexport default uPlot\n" },
    { as: "uplot.css", file: resolve("uplot/dist/uPlot.min.css") },
    { as: "inter.woff2", file: resolve("@fontsource-variable/inter/files/inter-latin-wght-normal.woff2") }
  ]
}

/** The content that the page loads for a vendor file. */
export const contentOf = ({ file, suffix = "" }: Vendor): Uint8Array =>
  Buffer.concat([readFileSync(file), Buffer.from(suffix)])
