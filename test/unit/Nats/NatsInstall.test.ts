import { assert, describe } from "@effect/vitest"
import { Effect, FileSystem } from "effect"
import process from "node:process"
import { findOrInstall, NatsServerMissing } from "../../../src/Nats/Install.ts"
import { official } from "../../../src/Nats/Install/Release.ts"
import { test } from "../../support/Live.ts"
import { commands, natsServer, newMachine, writeCached, writeCommand } from "../../support/Machine.ts"

const unreachable = "http://127.0.0.1:1"
const release = { ...official, url: unreachable }
const cached = `nats-server-v${official.version}-linux-amd64`

const filesIn = (folder: string) => Effect.flatMap(FileSystem.FileSystem, (fs) => fs.readDirectory(folder))

describe("finding nats-server", () => {
  test(
    "prefers NATS_SERVER_BIN to all other sources",
    Effect.gen(function*() {
      const machine = yield* newMachine({
        searchPath: [yield* commands({ "nats-server": natsServer("2.11.0") })]
      })
      const own = `${yield* commands({ mine: natsServer("2.10.1") })}/mine`
      const found = yield* findOrInstall({ machine, binary: own })
      assert.strictEqual(found.path, own)
      assert.strictEqual(found.version, "2.10.1")
      assert.include(found.origin, "NATS_SERVER_BIN")
    })
  )

  const unusable = {
    "does not exist": ["", "NotFound"],
    "is another program": ["echo hello", "hello"],
    "is too old": [natsServer("2.8.4"), "version 2.9.0 or later is required"]
  } as const
  for (const [what, [script, reason]] of Object.entries(unusable)) {
    test(
      `refuses a NATS_SERVER_BIN that ${what}, names it, and does not search elsewhere`,
      Effect.gen(function*() {
        const machine = yield* newMachine({
          searchPath: [yield* commands({ "nats-server": natsServer("2.11.0") })]
        })
        const folder = yield* commands(script === "" ? {} : { mine: script })
        const error = yield* Effect.flip(findOrInstall({ machine, binary: `${folder}/mine` }))
        assert.instanceOf(error, NatsServerMissing)
        assert.include(error.message, `NATS_SERVER_BIN is "${folder}/mine"`)
        assert.include(error.message, reason)
      })
    )
  }

  test(
    "uses the first nats-server on PATH, and reports its path",
    Effect.gen(function*() {
      const first = yield* commands({ "nats-server": natsServer("2.11.0") })
      const second = yield* commands({ "nats-server": natsServer("2.12.0") })
      const machine = yield* newMachine({ searchPath: ["/nonexistent", first, second] })
      const found = yield* findOrInstall({ machine })
      assert.deepStrictEqual(found, {
        path: `${first}/nats-server`,
        version: "2.11.0",
        origin: `nats-server 2.11.0 (on PATH) at ${first}/nats-server`
      })
    })
  )

  test(
    "skips a nats-server on PATH that is too old",
    Effect.gen(function*() {
      const machine = yield* newMachine({
        searchPath: [yield* commands({ "nats-server": natsServer("2.1.0") })]
      })
      yield* writeCached(`${machine.cacheDir}/${cached}/nats-server`, natsServer(official.version))
      assert.strictEqual((yield* findOrInstall({ machine, release })).version, official.version)
    })
  )

  test(
    "does not run a cached binary that was changed, and fetches it again",
    Effect.gen(function*() {
      const machine = yield* newMachine()
      const file = `${machine.cacheDir}/${cached}/nats-server`
      yield* writeCached(file, natsServer(official.version))
      assert.strictEqual((yield* findOrInstall({ machine, release })).path, file)
      yield* writeCommand(file, `touch ${machine.cacheDir}/ran; ${natsServer(official.version)}`)
      const error = yield* Effect.flip(findOrInstall({ machine, release }))
      assert.include(error.message, `${file} is not used: its SHA-256 differs from`)
      assert.notInclude(yield* filesIn(machine.cacheDir), "ran")
    })
  )

  test(
    "does not run a cached binary that other users can write",
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const machine = yield* newMachine()
      const file = `${machine.cacheDir}/${cached}/nats-server`
      yield* writeCached(file, natsServer(official.version))
      for (const place of [file, `${machine.cacheDir}/${cached}`]) {
        yield* fs.chmod(place, 0o777)
        const error = yield* Effect.flip(findOrInstall({ machine, release }))
        assert.include(
          error.message,
          `${place} is not used, because other users of this machine can write to it`
        )
        yield* fs.chmod(place, 0o755)
      }
      if (process.getuid?.() !== 0) return
      yield* fs.chown(file, 65_534, 65_534)
      const error = yield* Effect.flip(findOrInstall({ machine, release }))
      assert.include(
        error.message,
        `${file} is not used, because other users of this machine can write to it`
      )
    })
  )

  test(
    "names each source that it tried, why it failed, and the remedies",
    Effect.gen(function*() {
      const machine = yield* newMachine()
      const error = yield* Effect.flip(findOrInstall({ machine, release }))
      assert.instanceOf(error, NatsServerMissing)
      for (
        const part of [
          "- PATH: there is no nats-server",
          `- the cache: none in ${machine.cacheDir}`,
          `- the official release: ${unreachable}/v2.14.5/${cached}.tar.gz cannot be fetched`,
          "- the distribution's package: this system is not Debian or Ubuntu: there is no apt-get on PATH",
          "NATS_SERVER_BIN",
          "NATS_URL",
          "https://github.com/nats-io/nats-server/releases"
        ]
      ) assert.include(error.message, part)
    })
  )
})

/** Does what `dpkg -x <package> <folder>` does with a package that has nats-server in usr/<bin>. */
const unpack = (bin: string) =>
  `mkdir -p $3/usr/${bin} && printf '#!/bin/sh\\necho nats-server: v2.9.10\\n' > $3/usr/${bin}/nats-server`
  + ` && chmod +x $3/usr/${bin}/nats-server`

describe("installing the distribution's package", () => {
  const download = "touch nats-server_2.9.10_amd64.deb"
  const debian = Effect.fnUntraced(function*(aptGet: string, dpkg: string) {
    return yield* newMachine({ searchPath: [yield* commands({ "apt-get": aptGet, dpkg })] })
  })
  for (const bin of ["sbin", "bin"]) {
    test(
      `keeps the binary of a package that has it in ${bin}`,
      Effect.gen(function*() {
        const machine = yield* debian(`[ $2 = update ] || ${download}`, unpack(bin))
        const found = yield* findOrInstall({ machine, release })
        assert.strictEqual(found.path, `${machine.cacheDir}/nats-server-debian-x64/nats-server`)
        assert.strictEqual(found.version, "2.9.10")
        assert.include(found.origin, "the distribution's package")
        assert.deepStrictEqual(yield* filesIn(machine.cacheDir), ["nats-server-debian-x64"])
        assert.deepStrictEqual(yield* findOrInstall({ machine, release }), found)
      })
    )
  }

  test(
    "prefers a cached official release to a cached package",
    Effect.gen(function*() {
      const machine = yield* newMachine()
      yield* writeCached(`${machine.cacheDir}/nats-server-debian-x64/nats-server`, natsServer("2.9.10"))
      assert.strictEqual((yield* findOrInstall({ machine, release })).version, "2.9.10")
      yield* writeCached(`${machine.cacheDir}/${cached}/nats-server`, natsServer(official.version))
      assert.strictEqual((yield* findOrInstall({ machine, release })).version, official.version)
    })
  )

  test(
    "gives apt separate folders, so that it does not need root",
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const calls = `${yield* fs.makeTempDirectoryScoped()}/calls`
      const machine = yield* debian(`echo "$@" >> ${calls}; [ $2 = update ] || ${download}`, unpack("bin"))
      yield* findOrInstall({ machine, release })
      const [update = "", fetch = ""] = (yield* fs.readFileString(calls)).split("\n")
      for (const call of [update, fetch]) {
        assert.include(call, `Dir::State=${machine.cacheDir}/unpack-`)
        assert.include(call, `Dir::Cache=${machine.cacheDir}/unpack-`)
      }
      assert.match(fetch, /^-q download .* nats-server$/)
    })
  )

  test(
    "reports apt's output when apt fails",
    Effect.gen(function*() {
      const machine = yield* debian("echo 'E: Unable to locate package nats-server'; exit 100", "")
      const error = yield* Effect.flip(findOrInstall({ machine, release }))
      assert.include(error.message, "(exit code 100): E: Unable to locate package nats-server")
      assert.deepStrictEqual(yield* filesIn(machine.cacheDir), [])
    })
  )
})
