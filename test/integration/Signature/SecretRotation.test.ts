// Runs: long

import { assert, describe } from "@effect/vitest"
import { Clock, Effect, FileSystem, Logger, Redacted } from "effect"
import { PrometheusMetrics } from "effect/observability"
import { Buffer } from "node:buffer"
import { renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { ProcessHealth } from "../../../src/Process/ProcessHealth.ts"
import * as Signature from "../../../src/Signature/Signature.ts"
import { find, read } from "../../../src/Signature/WebhookSecret.ts"
import { rotate } from "../../../src/Signature/WebhookSecret/Rotation.ts"
import { test } from "../../support/Live.ts"
import { until } from "../../support/Until.ts"

const body = Buffer.from(`{"id":"evt_1"}`)

/** A secret that is long enough to be valid. */
const named = (name: string) => `whsec_of_the_tests_${name}`

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
    /** Replaces the file as an editor or `mv` does. */
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
      const { file, folder, replace, takes, until } = yield* setUp(named("old"))
      assert.isTrue(takes(named("old")))
      assert.isFalse(takes(named("new")))
      replace(`${named("old")}\n${named("new")}\n`)
      yield* until(() => takes(named("new")))
      assert.isTrue(takes(named("old")))
      writeFileSync(file, `${named("new")}\n${named("newer, with a comma")}\n`)
      yield* until(() => takes(named("newer, with a comma")))
      assert.isFalse(takes(named("old")))

      for (const version of ["one", "two"]) {
        const data = `${folder}/${version}`
        yield* (yield* FileSystem.FileSystem).makeDirectory(data)
        writeFileSync(`${data}/secret`, named(version))
      }
      symlinkSync("one", `${folder}/..data`)
      rmSync(file)
      symlinkSync("..data/secret", file)
      yield* until(() => takes(named("one")))
      symlinkSync("two", `${folder}/..next`)
      renameSync(`${folder}/..next`, `${folder}/..data`)
      yield* until(() => takes(named("two")))
      assert.isFalse(takes(named("one")))
    }).pipe(Effect.provide(ProcessHealth.layer))
  )

  test(
    "has no effect while it is empty, missing, invalid or ended, which is logged once and without a secret",
    Effect.gen(function*() {
      const { file, logs, replace, takes, until } = yield* setUp(named("hunter2"))
      const { faults } = yield* ProcessHealth
      const broken: ReadonlyArray<readonly [() => void, RegExp]> = [
        [() => replace("\n \n"), /is empty/],
        [() => rmSync(file), /cannot be read/],
        [() => replace(`${named("hunter3")};until=soon`), /secret 1 of .* is not valid/],
        // Like a half-written file that stays so for longer than the interval between two reads.
        [
          () => replace(`${named("hunter3")}\nwhsec_hunter3`),
          /secret 2 of .* is not valid\. A secret has at least 16/
        ],
        [
          () => replace(`${named("hunter3")}\n${named("hunter3")};until=2020-01-01`),
          /read again\. 1 of 2 secrets are active/
        ],
        [() => replace(`${named("hunter3")};until=2020-01-01`), /every secret of .* has expired/]
      ]
      for (const [make, said] of broken) {
        make()
        yield* until(() => logs.some((line) => said.test(line)))
        assert.isTrue(takes(named("hunter2")) || takes(named("hunter3")))
        assert.isFalse(takes("whsec_hunter3"))
        assert.deepStrictEqual(yield* faults, [])
      }
      yield* Effect.sleep("2500 millis")
      assert.lengthOf(logs, broken.length, logs.join("\n"))
      for (const line of logs) assert.notMatch(line, /hunter/)
      replace(named("hunter4"))
      yield* until(() => takes(named("hunter4")))
      assert.isFalse(takes(named("hunter3")))
    }).pipe(Effect.provide(ProcessHealth.layer))
  )

  test(
    "is not used while it is being written",
    Effect.gen(function*() {
      const { file, logs, takes, until } = yield* setUp(named("whole"))
      // Each write differs, so the file changes between any two reads.
      let count = 0
      const writing = setInterval(() => writeFileSync(file, named(`part ${count++}`)), 20)
      yield* Effect.sleep("3500 millis")
      clearInterval(writing)
      assert.isTrue(takes(named("whole")))
      assert.deepStrictEqual(logs, [])
      yield* until(() => takes(named(`part ${count - 1}`)))
    }).pipe(Effect.provide(ProcessHealth.layer))
  )

  test(
    "limits each secret in time, counts signatures by its position, and fails readiness after the last one ends",
    Effect.gen(function*() {
      const now = yield* Clock.currentTimeMillis
      const soon = new Date(now + 2_000).toISOString()
      const later = new Date(now + 4_000).toISOString()
      const { secrets, takes, until } = yield* setUp(
        `${named("first")};until=${soon}\n${named("second")};until=${later}`
      )
      const { faults } = yield* ProcessHealth
      assert.isTrue(takes(named("first")) && takes(named("second")) && takes(named("second")))
      const counted = yield* PrometheusMetrics.format()
      const of = (place: number) =>
        Number(new RegExp(`threeqpr_signature_matches_total{secret="${place}"} (\\d+)`).exec(counted)?.[1])
      assert.isAtLeast(of(1), 1)
      assert.isAtLeast(of(2), 2)
      assert.notMatch(counted, /first|second;/)
      yield* until(() => !takes(named("first")))
      assert.isAtLeast(Date.now(), Date.parse(soon))
      assert.isTrue(takes(named("second")))
      assert.deepStrictEqual(yield* faults, [])
      yield* until(() => !takes(named("second")))
      assert.deepStrictEqual((yield* faults).map(({ part }) => part), ["webhook secret"])
      assert.lengthOf(secrets(), 2)
    }).pipe(Effect.provide(ProcessHealth.layer))
  )

  test(
    "stops the start when none of its secrets is active",
    Effect.gen(function*() {
      const folder = yield* (yield* FileSystem.FileSystem).makeTempDirectoryScoped()
      writeFileSync(`${folder}/secret`, `${named("hunter2")};until=2020-01-01`)
      const { message } = yield* Effect.flip(read(`${folder}/secret`))
      assert.include(message, "has expired")
      assert.notInclude(message, "hunter2")
    })
  )
})
