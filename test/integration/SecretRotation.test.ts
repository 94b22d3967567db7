// Runs: long

import { assert, describe } from "@effect/vitest"
import { Clock, Effect, FileSystem, Logger, Redacted } from "effect"
import { PrometheusMetrics } from "effect/observability"
import { Buffer } from "node:buffer"
import { renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import * as Signature from "../../src/Signature.ts"
import { Vitals } from "../../src/Vitals.ts"
import { find, read } from "../../src/WebhookSecret.ts"
import { rotate } from "../../src/WebhookSecret/Rotation.ts"
import { test } from "../support/Live.ts"
import { until } from "../support/Until.ts"

const body = Buffer.from(`{"id":"evt_1"}`)

const setUp = Effect.fnUntraced(function*(text: string) {
  const folder = yield* (yield* FileSystem.FileSystem).makeTempDirectoryScoped()
  const file = `${folder}/secret`
  writeFileSync(file, text)
  const logs: Array<string> = []
  const { secrets, verify } = yield* rotate(
    yield* find({ secrets: undefined, secretFile: file, dataDir: "" })
  ).pipe(
    Effect.provide(Logger.layer([Logger.make(({ message }) => void logs.push(String(message)))]))
  )
  const takes = (secret: string) => verify(body, Signature.sign(body, Redacted.make(secret))) === undefined
  return {
    folder,
    file,
    logs,
    secrets,
    takes,
    until: (done: () => boolean) => until(String(done), Effect.sync(done), (done) => done),
    /** As an editor or `mv` does it. */
    replace: (text: string) => {
      writeFileSync(`${folder}/next`, text)
      renameSync(`${folder}/next`, file)
    }
  }
})

describe("the file with the webhook secrets", () => {
  test(
    "is read again when it is replaced, written to, or swapped behind a link as Kubernetes does",
    Effect.gen(function*() {
      const { file, folder, replace, takes, until } = yield* setUp("old")
      assert.isTrue(takes("old"))
      assert.isFalse(takes("new"))
      replace("old\nnew\n")
      yield* until(() => takes("new"))
      assert.isTrue(takes("old"))
      writeFileSync(file, "new\nnewer, with a comma\n")
      yield* until(() => takes("newer, with a comma"))
      assert.isFalse(takes("old"))

      for (const version of ["one", "two"]) {
        const data = `${folder}/${version}`
        yield* (yield* FileSystem.FileSystem).makeDirectory(data)
        writeFileSync(`${data}/secret`, version)
      }
      symlinkSync("one", `${folder}/..data`)
      rmSync(file)
      symlinkSync("..data/secret", file)
      yield* until(() => takes("one"))
      symlinkSync("two", `${folder}/..next`)
      renameSync(`${folder}/..next`, `${folder}/..data`)
      yield* until(() => takes("two"))
      assert.isFalse(takes("one"))
    }).pipe(Effect.provide(Vitals.layer))
  )

  test(
    "changes nothing while it is empty, gone, not valid or has ended, and says so once, without a secret in it",
    Effect.gen(function*() {
      const { file, logs, replace, takes, until } = yield* setUp("hunter2")
      const { faults } = yield* Vitals
      const broken: ReadonlyArray<readonly [() => void, RegExp]> = [
        [() => replace("\n \n"), /is empty/],
        [() => rmSync(file), /cannot be read/],
        [() => replace("hunter3;until=soon"), /secret 1 of .* is not valid/],
        [() => replace("hunter3\nhunter3;until=2020-01-01"), /read again; 1 of 2 active/],
        [() => replace("hunter3;until=2020-01-01"), /every secret of .* has ended/]
      ]
      for (const [make, said] of broken) {
        make()
        yield* until(() => logs.some((line) => said.test(line)))
        assert.isTrue(takes("hunter2") || takes("hunter3"))
        assert.deepStrictEqual(yield* faults, [])
      }
      yield* Effect.sleep("2500 millis")
      assert.lengthOf(logs, broken.length, logs.join("\n"))
      for (const line of logs) assert.notMatch(line, /hunter/)
      replace("hunter4")
      yield* until(() => takes("hunter4"))
      assert.isFalse(takes("hunter3"))
    }).pipe(Effect.provide(Vitals.layer))
  )

  test(
    "is not taken while it is being written",
    Effect.gen(function*() {
      const { file, logs, takes, until } = yield* setUp("whole")
      // Never the same twice: a file that somebody writes to at any look.
      let count = 0
      const writing = setInterval(() => writeFileSync(file, `part ${count++}`), 20)
      yield* Effect.sleep("3500 millis")
      clearInterval(writing)
      assert.isTrue(takes("whole"))
      assert.deepStrictEqual(logs, [])
      yield* until(() => takes(`part ${count - 1}`))
    }).pipe(Effect.provide(Vitals.layer))
  )

  test(
    "gives each secret its end, tells by its place which one signed, and turns readiness red after the last",
    Effect.gen(function*() {
      const now = yield* Clock.currentTimeMillis
      const soon = new Date(now + 2_000).toISOString()
      const later = new Date(now + 4_000).toISOString()
      const { secrets, takes, until } = yield* setUp(`first;until=${soon}\nsecond;until=${later}`)
      const { faults } = yield* Vitals
      assert.isTrue(takes("first") && takes("second") && takes("second"))
      const counted = yield* PrometheusMetrics.format()
      const of = (place: number) =>
        Number(new RegExp(`threeqpr_signature_matches_total{secret="${place}"} (\\d+)`).exec(counted)?.[1])
      assert.isAtLeast(of(1), 1)
      assert.isAtLeast(of(2), 2)
      assert.notMatch(counted, /first|second;/)
      yield* until(() => !takes("first"))
      assert.isAtLeast(Date.now(), Date.parse(soon))
      assert.isTrue(takes("second"))
      assert.deepStrictEqual(yield* faults, [])
      yield* until(() => !takes("second"))
      assert.deepStrictEqual((yield* faults).map(({ part }) => part), ["webhook secret"])
      assert.lengthOf(secrets(), 2)
    }).pipe(Effect.provide(Vitals.layer))
  )

  test(
    "stops the start when no secret in it is active",
    Effect.gen(function*() {
      const folder = yield* (yield* FileSystem.FileSystem).makeTempDirectoryScoped()
      writeFileSync(`${folder}/secret`, "hunter2;until=2020-01-01")
      const { message } = yield* Effect.flip(read(`${folder}/secret`))
      assert.include(message, "has ended")
      assert.notInclude(message, "hunter2")
    })
  )
})
