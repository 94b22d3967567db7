import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, FileSystem } from "effect"
import { TestClock } from "effect/testing"
import { findOrInstall } from "../../../src/Nats/Install.ts"
import { official } from "../../../src/Nats/Install/Release.ts"
import { platform } from "../../support/Broker.ts"
import { test } from "../../support/Live.ts"
import { newMachine } from "../../support/Machine.ts"
import { archiveOf, files, serve } from "../../support/Releases.ts"

const version = "2.14.5"
const linux = `nats-server-v${version}-linux-amd64`
const linuxArchive = `/v${version}/${linux}.tar.gz`

const filesIn = (folder: string) => Effect.flatMap(FileSystem.FileSystem, (fs) => fs.readDirectory(folder))

/** A server with the official archive for Linux, pinned to the given or the right checksum. */
const newRelease = Effect.fnUntraced(function*(pin?: string) {
  const { bytes, sha256 } = yield* archiveOf(linux, "nats-server", version)
  const { url, requests } = yield* serve(files({ [linuxArchive]: bytes }))
  return { release: { version, url, checksums: { "linux-amd64": pin ?? sha256 } }, requests, sha256 }
})

describe("installing the official release", () => {
  test(
    "keeps only the binary of an archive with the right checksum",
    Effect.gen(function*() {
      const { release } = yield* newRelease()
      const machine = yield* newMachine()
      const found = yield* findOrInstall({ machine, release })
      assert.strictEqual(found.path, `${machine.cacheDir}/${linux}/nats-server`)
      assert.include(found.origin, "official release, with the pinned SHA-256")
      assert.deepStrictEqual(yield* filesIn(machine.cacheDir), [linux])
      assert.deepStrictEqual(yield* filesIn(`${machine.cacheDir}/${linux}`), [
        "nats-server",
        "nats-server.sha256"
      ])
    })
  )

  test(
    "uses the cache the second time and sends no request",
    Effect.gen(function*() {
      const { release, requests } = yield* newRelease()
      const machine = yield* newMachine()
      const first = yield* findOrInstall({ machine, release })
      assert.deepStrictEqual(yield* findOrInstall({ machine, release }), first)
      assert.deepStrictEqual(requests, [linuxArchive])
    })
  )

  test(
    "fetches again when the cached binary does not run",
    Effect.gen(function*() {
      const { release } = yield* newRelease()
      const machine = yield* newMachine()
      const { path } = yield* findOrInstall({ machine, release })
      const fs = yield* FileSystem.FileSystem
      yield* fs.writeFileString(path, "")
      assert.strictEqual((yield* findOrInstall({ machine, release })).version, version)
    })
  )

  test(
    "does not unpack an archive with a wrong checksum, and reports both checksums",
    Effect.gen(function*() {
      const { release, sha256 } = yield* newRelease("0".repeat(64))
      const machine = yield* newMachine()
      const error = yield* Effect.flip(findOrInstall({ machine, release }))
      assert.include(error.message, `${linux}.tar.gz is not used`)
      assert.include(error.message, "0".repeat(64))
      assert.include(error.message, sha256)
      assert.isFalse(yield* Effect.flatMap(FileSystem.FileSystem, (fs) => fs.exists(machine.cacheDir)))
    })
  )

  test(
    "leaves no file of an interrupted download",
    Effect.gen(function*() {
      const { bytes, sha256 } = yield* archiveOf(linux, "nats-server", version)
      const { url } = yield* serve((_, response) => {
        response.writeHead(200, { "content-length": bytes.length })
        response.write(bytes.subarray(0, 100), () => response.destroy())
      })
      const machine = yield* newMachine()
      const release = { version, url, checksums: { "linux-amd64": sha256 } }
      const error = yield* Effect.flip(findOrInstall({ machine, release }))
      assert.include(error.message, `the official release: ${url}${linuxArchive} cannot be fetched`)
      assert.isFalse(yield* Effect.flatMap(FileSystem.FileSystem, (fs) => fs.exists(machine.cacheDir)))
    })
  )

  test(
    "follows a redirect, as GitHub's downloads need",
    Effect.gen(function*() {
      const { bytes, sha256 } = yield* archiveOf(linux, "nats-server", version)
      const { url } = yield* serve((request, response) =>
        request.url === "/elsewhere"
          ? response.end(bytes)
          : response.writeHead(302, { location: "/elsewhere" }).end()
      )
      const release = { version, url, checksums: { "linux-amd64": sha256 } }
      const found = yield* findOrInstall({ machine: yield* newMachine(), release })
      assert.strictEqual(found.version, version)
    })
  )

  test(
    "supports concurrent installs",
    Effect.gen(function*() {
      const { release } = yield* newRelease()
      const machine = yield* newMachine()
      const found = yield* Effect.all(
        Array.from({ length: 8 }, () => findOrInstall({ machine, release })),
        { concurrency: "unbounded" }
      )
      assert.lengthOf(new Set(found.map(({ path }) => path)), 1)
      assert.deepStrictEqual(yield* filesIn(machine.cacheDir), [linux])
    })
  )

  test(
    "uses the zip with the .exe on Windows",
    Effect.gen(function*() {
      const build = `nats-server-v${version}-windows-amd64`
      const { bytes, sha256 } = yield* archiveOf(build, "nats-server.exe", version)
      const { url } = yield* serve(files({ [`/v${version}/${build}.zip`]: bytes }))
      const machine = yield* newMachine({ platform: "win32" })
      const release = { version, url, checksums: { "windows-amd64": sha256 } }
      const found = yield* findOrInstall({ machine, release })
      assert.strictEqual(found.path, `${machine.cacheDir}/${build}/nats-server.exe`)
    })
  )

  const mac = `nats-server-v${version}-darwin-arm64`
  const macRelease = Effect.fnUntraced(function*(sums: (sha256: string) => string) {
    const { bytes, sha256 } = yield* archiveOf(mac, "nats-server", version)
    const { url } = yield* serve(
      files({ [`/v${version}/${mac}.tar.gz`]: bytes, [`/v${version}/SHA256SUMS`]: sums(sha256) })
    )
    return {
      release: { ...official, url },
      machine: yield* newMachine({ platform: "darwin", arch: "arm64" })
    }
  })

  test(
    "checks the archive for macOS against the release's SHA256SUMS, and reports the limits of that check",
    Effect.gen(function*() {
      const options = yield* macRelease((sha256) =>
        `${"1".repeat(64)}  other.zip\n${sha256}  ${mac}.tar.gz\n`
      )
      const found = yield* findOrInstall(options)
      assert.include(found.origin, "proves integrity, not origin")
      assert.strictEqual((yield* findOrInstall(options)).origin, found.origin)
    })
  )

  test(
    "refuses an archive for macOS that SHA256SUMS does not confirm",
    Effect.gen(function*() {
      const wrong = yield* macRelease(() => `${"1".repeat(64)}  ${mac}.tar.gz\n`)
      assert.include((yield* Effect.flip(findOrInstall(wrong))).message, `should be ${"1".repeat(64)}`)
      const absent = yield* macRelease((sha256) => `${sha256}  other.zip\n`)
      assert.include((yield* Effect.flip(findOrInstall(absent))).message, `does not name ${mac}.tar.gz`)
    })
  )

  test(
    "sends no request when no archive is known for the machine",
    Effect.gen(function*() {
      const { release, requests } = yield* newRelease()
      const machine = yield* newMachine({ arch: "riscv64" })
      const error = yield* Effect.flip(findOrInstall({ machine, release }))
      assert.include(error.message, "no official archive is known for linux on riscv64")
      assert.deepStrictEqual(requests, [])
    })
  )

  it.effect("gives up after 5 seconds on a server that does not answer", () =>
    Effect.gen(function*() {
      const { url, asked } = yield* serve(() => {})
      const machine = yield* newMachine()
      const failing = yield* Effect.forkChild(
        Effect.flip(findOrInstall({ machine, release: { ...official, url } }))
      )
      yield* asked
      yield* TestClock.adjust("5 seconds")
      assert.include((yield* Fiber.join(failing)).message, "no answer within 5 seconds")
    }).pipe(Effect.provide(platform)))
})
