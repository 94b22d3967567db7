import { globSync, readFileSync, statfsSync } from "node:fs"
import { freemem } from "node:os"
import process from "node:process"
import { defineConfig } from "vitest/config"
import { FaultsFirst } from "./test/support/FaultsFirst.ts"
import { SlowestFiles } from "./test/support/SlowestFiles.ts"

/** A file system in memory that Linux has. */
const memory = "/dev/shm"

const freeBytes = () => {
  try {
    const { bavail, bsize } = statfsSync(memory)
    return Math.min(bavail * bsize, freemem())
  } catch {
    return 0
  }
}

// Tests copy and remove many small files: an embedded database has a thousand.
if (process.env["TMPDIR"] === undefined && freeBytes() > 8 * 1_073_741_824) process.env["TMPDIR"] = memory

/**
 * What a test file says of itself, in a line `// Runs: …` near its top.
 *
 * - `long`: takes long or needs much of the machine. `npm run test:long` runs it, `npm test` does not.
 * - `alone`: measures event loops or other clients' answers, so nothing runs beside it.
 * - `own process`: looks at what a whole process counts. Other files share processes: loading Effect takes a second.
 * - `broker`: depends on the version of nats-server. `.ci/run` repeats it on three releases.
 * - `node first`: the runtime cannot matter to what it looks at, or other files look at that part on both. `npm test` and
 *   `.ci/run` run it on Node only, `npm run test:long` on both.
 */
const marks = ["long", "alone", "own process", "broker", "node first"] as const
type Mark = typeof marks[number]

const marksOf = (file: string): ReadonlyArray<Mark> => {
  const line = /^\/\/ Runs: (.*)$/m.exec(readFileSync(file, "utf8"))?.[1]
  return (line?.split(", ") ?? []).map((mark) => {
    const known = marks.find((one) => one === mark)
    if (known === undefined) {
      throw new Error(`${file} has the mark "${mark}". Known are: ${marks.join(", ")}.`)
    }
    return known
  })
}

/**
 * Whether a file loops over the kinds of database. `npm test` runs it on Postgres, `npm run test:long` on PGlite. A file
 * with the mark `long` runs on PGlite on Node, and on Postgres on Deno.
 */
const isForBothEngines = (file: string) => readFileSync(file, "utf8").includes("of engines)")

const files = globSync("test/{unit,contract,integration,e2e}/**/*.test.ts").map((file) => ({
  file,
  marks: new Set(marksOf(file)),
  bothEngines: isForBothEngines(file)
}))

const onDeno = process.versions["deno"] !== undefined
const isForNode = ({ marks }: { readonly marks: ReadonlySet<Mark> }) => onDeno && marks.has("node first")
const inShortRun = (file: { readonly marks: ReadonlySet<Mark> }) =>
  !file.marks.has("long") && !isForNode(file)
const inLongRun = (file: (typeof files)[number]) =>
  file.marks.has("long") && !isForNode(file) && (onDeno || !file.bothEngines)

const isApart = ({ marks }: { readonly marks: ReadonlySet<Mark> }) =>
  marks.has("alone") || marks.has("own process")

const project = (
  name: string,
  included: (file: (typeof files)[number]) => boolean,
  groupOrder: number,
  maxWorkers: number,
  engine: "postgres" | "pglite" = "postgres"
) => ({
  test: {
    provide: { engine },
    setupFiles: [
      "test/support/WebAssembly.ts",
      ...(name === "long-pglite" ? ["test/support/OnlyOnPglite.ts"] : [])
    ],
    name,
    include: files.filter(included).map(({ file }) => file),
    globalSetup: "test/support/Setup.ts",
    silent: "passed-only" as const,
    testTimeout: /^(long|broker)/.test(name) ? 120_000 : 60_000,
    hookTimeout: 120_000,
    // Of the tests of a file that say that they may run side by side, because they wait.
    maxConcurrency: 3,
    maxWorkers,
    isolate: name.endsWith("-alone"),
    sequence: { groupOrder }
  }
})

// Most tests wait for processes, so more of them than cores run at a time. Those of the long run wait most.
const together = 3
const togetherLong = 4

// The files of these projects are in the others too, so they run only when they are asked for.
const onBroker = process.argv.some((argument) => argument.startsWith("broker"))
const isShortOnBroker = ({ marks }: { readonly marks: ReadonlySet<Mark> }) =>
  onBroker && marks.has("broker") && !marks.has("long")

export default defineConfig({
  test: {
    reporters: ["default", new SlowestFiles()],
    sequence: { sequencer: FaultsFirst },
    projects: [
      project("short", (file) => inShortRun(file) && !isApart(file), 0, together),
      project("short-alone", (file) => inShortRun(file) && isApart(file), 1, 1),
      // One group, so that none waits for the last file of another.
      project("long", (file) => inLongRun(file) && !isApart(file), 2, togetherLong),
      // What `broker-short-pglite` runs too, it leaves out.
      project("long-pglite", (file) => file.bothEngines && !isShortOnBroker(file), 2, togetherLong, "pglite"),
      project("long-node-first", isForNode, 2, togetherLong),
      ...(onBroker
        ? [
          project("broker-short", (file) => isShortOnBroker(file) && !file.bothEngines, 2, togetherLong),
          // On PGlite, because `npm test` has run them on Postgres.
          project(
            "broker-short-pglite",
            (file) => isShortOnBroker(file) && file.bothEngines,
            2,
            togetherLong,
            "pglite"
          ),
          project(
            "broker-long",
            (file) => file.marks.has("broker") && file.marks.has("long"),
            2,
            togetherLong
          )
        ]
        : []),
      project("long-alone", (file) => inLongRun(file) && isApart(file), 3, 1)
    ]
  }
})
