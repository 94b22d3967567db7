// Runs: node first

import { assert, describe, it } from "@effect/vitest"
import { spawnSync } from "node:child_process"
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { checkout } from "../protections/Workspace.ts"

/** Runs `work` in an empty folder that is removed afterwards. */
const inFolder = (work: (folder: string) => void) => {
  const folder = mkdtempSync(join(tmpdir(), "threeqpr-runtimes-"))
  try {
    work(folder)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** Writes a command that prints its version and its arguments, one per line. */
const writeCommand = (file: string, version: string) => {
  mkdirSync(dirname(file), { recursive: true })
  const script =
    `#!/bin/sh\n[ "$*" = --version ] && { echo ${version}; exit; }\necho ${version}; printf '%s\\n' "$@"\n`
  writeFileSync(file, script, { mode: 0o755 })
}

const run = (script: string, args: ReadonlyArray<string>, env: Readonly<Record<string, string>>) => {
  const { stderr, stdout } = spawnSync("/bin/sh", [script, ...args], { env, encoding: "utf8" })
  assert.strictEqual(stderr, "")
  return stdout.trimEnd().split("\n")
}

describe("npm start", () => {
  it("runs the first Node on PATH that is new enough, and otherwise the one in node_modules", () =>
    inFolder((folder) => {
      cpSync(join(checkout, "bin", "node.sh"), join(folder, "project", "bin", "node.sh"))
      const installed = join(folder, "project", "node_modules", ".bin")
      writeCommand(join(installed, "node"), "v24.0.0-installed")
      const machine = (...versions: ReadonlyArray<string>) =>
        versions.map((version) => {
          writeCommand(join(folder, version, "node"), version)
          return join(folder, version)
        })
      const started = (...folders: ReadonlyArray<string>) =>
        run(join(folder, "project", "bin", "node.sh"), ["a b", "c"], {
          PATH: [installed, ...folders].join(":")
        })
      for (const version of ["v22.19.0", "v22.20.1", "v24.21.0", "v26.0.0"]) {
        assert.deepStrictEqual(started(...machine(version)), [version, "a b", "c"])
      }
      for (const version of ["v20.20.2", "v22.18.9", "v18.0.0", "nonsense"]) {
        assert.deepStrictEqual(started(...machine(version)), ["v24.0.0-installed", "a b", "c"])
      }
      assert.deepStrictEqual(started(...machine("v20.20.2", "v23.1.0", "v24.1.0")), ["v23.1.0", "a b", "c"])
    }))
})

describe("the images", () => {
  const external = { NATS_URL: "nats://one", DATABASE_URL: "postgres://one/db" }

  const flagsOn = (runtime: "node" | "deno", environment: Readonly<Record<string, string>>) => {
    let flags: ReadonlyArray<string> = []
    inFolder((folder) => {
      writeCommand(join(folder, "bin", runtime), runtime)
      // No other command of the machine is on PATH, because it may have both runtimes.
      const readlink = ["/usr/bin/readlink", "/bin/readlink"].find((file) => existsSync(file)) ?? ""
      symlinkSync(readlink, join(folder, "bin", "readlink"))
      const env = { PATH: join(folder, "bin"), DATA_DIR: "/data", ...environment }
      flags = run(join(checkout, "bin", "container.sh"), ["serve", "--role", "ingress"], env)
    })
    assert.deepStrictEqual(flags.slice(-4), [
      join(checkout, "bin", "threeqpr.js"),
      "serve",
      "--role",
      "ingress"
    ])
    return flags.slice(1, -4)
  }

  it("do not let a process with external engines run programs or write files", () => {
    for (
      const environment of [external, {
        NATS_URL_FILE: "/run/secrets/nats",
        DATABASE_URL_FILE: "/run/secrets/db"
      }]
    ) {
      const onNode = flagsOn("node", environment)
      assert.include(onNode, "--permission")
      assert.deepStrictEqual(onNode.filter((flag) => flag.startsWith("--allow-")), ["--allow-fs-read=*"])
      assert.deepStrictEqual(
        flagsOn("deno", environment).filter((flag) => /^--allow-(run|write|ffi|all)|^-A/.test(flag)),
        []
      )
    }
  })

  it("let a process with an embedded engine run programs and write to its data folder", () => {
    for (
      const environment of [{}, { NATS_URL: external.NATS_URL }, { DATABASE_URL: external.DATABASE_URL }]
    ) {
      assert.includeMembers([...flagsOn("node", environment)], [
        "--permission",
        "--allow-child-process",
        "--allow-worker",
        "--allow-fs-write=/data"
      ])
      const onDeno = flagsOn("deno", environment)
      assert.includeMembers([...onDeno], ["--no-prompt", "--allow-run", "--allow-write=/data,/tmp"])
      assert.notInclude(onDeno, "-A")
    }
  })
})
