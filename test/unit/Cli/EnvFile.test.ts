import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, type FileSystem, type Path, type Scope } from "effect"
import { Buffer } from "node:buffer"
import {
  chmodSync,
  chownSync,
  closeSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync
} from "node:fs"
import { tmpdir } from "node:os"
import process from "node:process"
import * as EnvFile from "../../../src/Cli/Register/EnvFile.ts"

const folder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(`${tmpdir()}/threeqpr-env-`)),
  (folder) => Effect.sync(() => rmSync(folder, { recursive: true, force: true }))
)

const set = (file: string, value = "whsec_new") =>
  Effect.scoped(
    Effect.flatMap(EnvFile.open(file, "SECRET"), (opened) => Effect.as(opened.set(value), opened))
  )

const test = (
  title: string,
  body: (folder: string) => Effect.Effect<void, unknown, Scope.Scope | FileSystem.FileSystem | Path.Path>
) =>
  it.live(title, () => folder.pipe(Effect.flatMap(body), Effect.scoped, Effect.provide(NodeServices.layer)))

describe("setting a variable in an environment file", () => {
  const cases: ReadonlyArray<
    readonly [what: string, before: string | Uint8Array, after: string | Uint8Array]
  > = [
    ["an empty file", "", "SECRET=whsec_new\n"],
    ["a file without it", "A=1\n# note\n\nB=2\n", "A=1\n# note\n\nB=2\nSECRET=whsec_new\n"],
    ["a last line that does not end", "A=1", "A=1\nSECRET=whsec_new\n"],
    ["lines that end in CRLF", "A=1\r\nB=2\r\n", "A=1\r\nB=2\r\nSECRET=whsec_new\r\n"],
    ["one that is there", "A=1\nSECRET=old\nB=2\n", "A=1\nSECRET=whsec_new\nB=2\n"],
    ["one in CRLF", "A=1\r\nSECRET=old\r\nB=2", "A=1\r\nSECRET=whsec_new\r\nB=2"],
    ["one at an end without a newline", "A=1\nSECRET=old", "A=1\nSECRET=whsec_new"],
    ["one that is exported", "  export SECRET='old'\nA=1\n", "  export SECRET=whsec_new\nA=1\n"],
    ["one with spaces and quotation marks", "SECRET = \"old\" # why\n", "SECRET=whsec_new\n"],
    ["one that is there twice", "SECRET=\nA=1\nSECRET=old\n", "SECRET=whsec_new\nA=1\nSECRET=whsec_new\n"],
    ["one behind a byte order mark", "\ufeffSECRET=old\n", "\ufeffSECRET=whsec_new\n"],
    [
      "others of a similar name",
      "MY_SECRET=a\nSECRET_FILE=b\n# SECRET=c\n",
      "MY_SECRET=a\nSECRET_FILE=b\n# SECRET=c\nSECRET=whsec_new\n"
    ],
    [
      "bytes that are no UTF-8",
      Buffer.from([0x41, 0x3d, 0xff, 0xfe, 0x0a]),
      Buffer.concat([Buffer.from([0x41, 0x3d, 0xff, 0xfe, 0x0a]), Buffer.from("SECRET=whsec_new\n")])
    ]
  ]
  for (const [what, before, after] of cases) {
    test(`keeps every other byte: ${what}`, (folder) =>
      Effect.gen(function*() {
        const file = `${folder}/.env`
        writeFileSync(file, before)
        yield* set(file)
        assert.deepStrictEqual(readFileSync(file), Buffer.from(after))
      }))
  }

  test("creates a file that only its owner can read, and leaves no other file", (folder) =>
    Effect.gen(function*() {
      const opened = yield* set(`${folder}/.env`)
      assert.strictEqual(statSync(`${folder}/.env`).mode & 0o777, 0o600)
      assert.isFalse(opened.isSet)
      assert.isFalse(opened.readableByOthers)
      assert.deepStrictEqual(readdirSync(folder), [".env"])
    }))

  test("keeps the mode of an existing file, and reports whether others can read it", (folder) =>
    Effect.gen(function*() {
      for (const mode of [0o600, 0o644, 0o640]) {
        writeFileSync(`${folder}/.env`, "SECRET=old\n")
        chmodSync(`${folder}/.env`, mode)
        const opened = yield* set(`${folder}/.env`)
        assert.strictEqual(statSync(`${folder}/.env`).mode & 0o777, mode)
        assert.isTrue(opened.isSet)
        assert.strictEqual(opened.readableByOthers, mode !== 0o600)
      }
    }))

  it.live.skipIf(process.getuid?.() !== 0)(
    "keeps the owner of an existing file",
    () =>
      Effect.gen(function*() {
        const file = `${yield* folder}/.env`
        writeFileSync(file, "A=1\n")
        chownSync(file, 1234, 1235)
        yield* set(file)
        assert.deepInclude(statSync(file), { uid: 1234, gid: 1235 })
      }).pipe(Effect.scoped, Effect.provide(NodeServices.layer))
  )

  test("writes to the target of a symbolic link and keeps the link", (folder) =>
    Effect.gen(function*() {
      mkdirSync(`${folder}/real`)
      writeFileSync(`${folder}/real/env`, "A=1\n")
      symlinkSync("real/env", `${folder}/.env`)
      yield* set(`${folder}/.env`)
      assert.isTrue(lstatSync(`${folder}/.env`).isSymbolicLink())
      assert.strictEqual(readFileSync(`${folder}/real/env`, "utf8"), "A=1\nSECRET=whsec_new\n")
    }))

  test("replaces the file atomically: a reader that has the old file open reads all of it", (folder) =>
    Effect.gen(function*() {
      writeFileSync(`${folder}/.env`, "SECRET=old\n")
      const descriptor = openSync(`${folder}/.env`, "r")
      yield* set(`${folder}/.env`)
      assert.strictEqual(readFileSync(descriptor, "utf8"), "SECRET=old\n")
      closeSync(descriptor)
    }))

  test("keeps edits made between opening and setting", (folder) =>
    Effect.gen(function*() {
      writeFileSync(`${folder}/.env`, "A=1\n")
      const opened = yield* EnvFile.open(`${folder}/.env`, "SECRET")
      writeFileSync(`${folder}/.env`, "A=2\n")
      yield* opened.set("whsec_new")
      assert.strictEqual(readFileSync(`${folder}/.env`, "utf8"), "A=2\nSECRET=whsec_new\n")
    }))

  test("fails to open what it cannot write: no folder, a folder, a dead link, a multi-line value", (folder) =>
    Effect.gen(function*() {
      symlinkSync("nothing", `${folder}/link`)
      writeFileSync(`${folder}/lines`, "SECRET=\"first\nsecond\"\n")
      writeFileSync(`${folder}/file`, "")
      const wrong = {
        [`${folder}/none/.env`]: "folder does not exist",
        [folder]: "is not a file",
        [`${folder}/link`]: "link",
        [`${folder}/lines`]: "several lines",
        [`${folder}/file/.env`]: "cannot be written"
      }
      for (const [file, why] of Object.entries(wrong)) {
        const { message } = yield* Effect.flip(Effect.scoped(EnvFile.open(file, "SECRET")))
        assert.include(message, file)
        assert.include(message, why)
        assert.notInclude(message, "first")
      }
      assert.isFalse(existsSync(`${folder}/nothing`))
      assert.deepStrictEqual(readdirSync(folder).sort(), ["file", "lines", "link"])
    }))

  test("refuses a value that readers of such files can interpret differently, without showing it", (folder) =>
    Effect.gen(function*() {
      for (const value of ["a b", "a#b", "$a", "a\nB=1", "'a'", "a,b", ""]) {
        const { message } = yield* Effect.flip(set(`${folder}/.env`, value))
        assert.include(message, "some programs that read")
        if (value !== "") assert.notInclude(message, `${value} `)
      }
      assert.deepStrictEqual(readdirSync(folder), [])
    }))
})
