/**
 * Builds `dist`. The program is bundled with its dependencies, for both runtimes. The entries of the library for programs
 * that use Effect leave their dependencies to npm, so that users share one instance of each. The other entries hold the
 * parts of Effect that they use.
 *
 *   node build.ts            everything that is published: program, library, declarations
 *   node build.ts --program  the program only, and only if a source changed since the last build (about a second)
 */
import { execFileSync } from "node:child_process"
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync
} from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join, relative } from "node:path"
import process from "node:process"
import type { InputOptions, OutputAsset } from "rolldown"
import { fingerprint, isFresh, stamp } from "./bin/fresh.js"

const root = import.meta.dirname
const dist = join(root, "dist")
const program = join(dist, "program")
const written = new Set<string>()

/** Each file appears whole: a process that starts meanwhile reads the old one or the new one. */
const write = (file: string, content: string | Uint8Array) => {
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(`${file}.${process.pid}`, content)
  renameSync(`${file}.${process.pid}`, file)
  written.add(file)
}

const filesIn = (folder: string) =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))

const copy = (from: string, to: string) => {
  for (const file of filesIn(from)) write(join(to, relative(from, file)), readFileSync(file))
}

const onlyProgram = process.argv.includes("--program")

/**
 * A source map names files and lines; the text of the sources would triple the package. The package has no sources. Deno
 * names none that it does not find in `node_modules`, so a scheme names them instead of a path.
 */
const withoutSources = ({ fileName, source }: OutputAsset, folder: string) => {
  if (!fileName.endsWith(".map")) return source
  const { sources, sourcesContent: _, ...map } = JSON.parse(String(source))
  const base = `threeqpr-events:///${relative(root, folder)}/`
  const named = (file: string) => onlyProgram ? file : new URL(file, base).href
  return JSON.stringify({ ...map, sources: sources.map(named) })
}

const bundle = async (options: InputOptions, to: string) => {
  const { rolldown } = await import("rolldown")
  const build = await rolldown({ cwd: root, platform: "node", ...options })
  const { output } = await build.generate({
    dir: to,
    format: "esm",
    // Names and line ends stay: people read stack traces.
    minify: { compress: true, mangle: false, codegen: { removeWhitespace: false } },
    sourcemap: true,
    entryFileNames: "[name].js",
    chunkFileNames: "[name]-[hash].js"
  })
  await build.close()
  const isEntry = (file: (typeof output)[number]) => file.type === "chunk" && file.isEntry
  // Entries come last, so that each finds its chunks. Those of an earlier build stay for processes that run it.
  for (const file of output.toSorted((a, b) => Number(isEntry(a)) - Number(isEntry(b)))) {
    write(join(to, file.fileName), file.type === "chunk" ? file.code : withoutSources(file, to))
  }
}

/**
 * The program: `dist/program/main.js`, and `serve.js` beside it for programs that run it. PGlite finds its data beside
 * its own files, so it is not bundled.
 */
const buildProgram = async () => {
  const builtFrom = fingerprint()
  await bundle({
    input: { main: "src/main.ts", serve: "src/serve.ts", PgliteWorker: "src/Database/PgliteWorker.ts" },
    external: /^@electric-sql\/pglite/
  }, program)
  copy(join(root, "src", "Dashboard"), join(program, "Dashboard"))
  const { contentOf, vendored } = await import("./src/Admin/Dashboard/Vendor.ts")
  for (const vendor of vendored()) write(join(program, "Dashboard", "vendor", vendor.as), contentOf(vendor))
  write(stamp, builtFrom)
}

/** The entry points for programs that use Effect. */
const forEffect = ["index", "client"]

/** The entry points that are built with the program. */
const ofProgram = ["serve"]

/** The entry points that `package.json` exports beside the main one, such as `signature` for `src/signature.ts`. */
const entries = (): ReadonlyArray<string> => {
  const { exports } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"))
  return Object.keys(exports).flatMap((path) => /^\.\/(\w+)$/.exec(path)?.[1] ?? [])
}

/** The declarations in a folder that its entry points need. The compiler also writes those of the whole program. */
const declarationsFrom = (folder: string): ReadonlySet<string> => {
  const found = new Set(readdirSync(folder).filter((name) => name.endsWith(".d.ts")))
  // The set grows during the loop, so that imports of imports are found too.
  for (const file of found) {
    const text = readFileSync(join(folder, file), "utf8")
    for (const [, imported = ""] of text.matchAll(/\b(?:from|import\()\s*"(\.[^"]+)\.ts"/g)) {
      const path = join(dirname(file), `${imported}.d.ts`)
      if (existsSync(join(folder, path))) found.add(path)
    }
  }
  return found
}

/**
 * The library: one file for each entry point, with the declarations of its types, and the files for Prometheus and
 * Grafana. Those in `forEffect` use the Effect of the program. The others take and give plain values and promises. They
 * hold the parts of Effect that they use, because loading Effect's own files takes three times as long.
 */
const buildLibrary = async () => {
  const sourcesOf = (names: ReadonlyArray<string>) =>
    Object.fromEntries(names.map((name) => [name, `src/${name}.ts`]))
  await bundle({ input: sourcesOf(forEffect), external: /^[^./]/ }, dist)
  const others = entries().filter((name) => ![...forEffect, ...ofProgram].includes(name))
  await bundle({ input: sourcesOf(others), external: /^(?!effect\b|@effect\/)[^./]/ }, dist)
  const declarations = mkdtempSync(join(tmpdir(), "threeqpr-declarations-"))
  const compiler = join(root, "node_modules", "typescript", "bin", "tsc")
  execFileSync(process.execPath, [compiler, "-p", "tsconfig.build.json", "--outDir", declarations], {
    cwd: root,
    stdio: "inherit"
  })
  for (const file of declarationsFrom(declarations)) {
    write(join(dist, file), readFileSync(join(declarations, file)))
  }
  rmSync(declarations, { recursive: true })
  copy(join(root, "src", "Process", "Metrics"), join(dist, "Metrics"))
}

if (onlyProgram) {
  if (!isFresh()) await buildProgram()
} else {
  await buildProgram()
  await buildLibrary()
  for (const file of filesIn(dist)) if (!written.has(file)) rmSync(file)
}
