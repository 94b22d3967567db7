// Runs: long, node first

import { assert, layer } from "@effect/vitest"
import { Effect, FileSystem, Redacted } from "effect"
import * as Signature from "../../../src/Signature/Signature.ts"
import { platform } from "../../support/Broker.ts"
import { Scene } from "../../support/Faults/Scene.ts"
import { secret } from "../../support/Faults/System.ts"
import { deliver, send } from "../../support/Http.ts"

layer(Scene.layer({ receivers: 2, projectors: 1 }), { excludeTestServices: true })("under load", (it) => {
  // Row 31.
  it.effect("no request with an active secret is refused while the secret is rotated", () =>
    Effect.gen(function*() {
      const { answered, traffic, system, whole } = yield* Scene
      const fs = yield* FileSystem.FileSystem
      const file = `${yield* fs.makeTempDirectoryScoped()}/secrets`
      const next = Redacted.make("whsec_after_the_rotation")
      const set = (...secrets: ReadonlyArray<Redacted.Redacted<string>>) =>
        fs.writeFileString(file, secrets.map(Redacted.value).join("\n"))
      yield* set(secret)
      const env = { THREEQPR_WEBHOOK_SECRET: "", THREEQPR_WEBHOOK_SECRET_FILE: file }
      const receivers = [yield* system.add("ingress", env), yield* system.add("ingress", env)]
      const restart = Effect.forEach(receivers, ({ end, start }) => Effect.andThen(end("SIGTERM"), start))
      let signing = secret
      const urls = () => receivers.map(({ webhook }) => webhook)
      const load = yield* traffic({ rate: 100, urls, secret: () => signing })
      yield* answered(100, 200)
      yield* set(secret, next)
      yield* restart
      yield* answered(50, 200)
      signing = next
      yield* answered(100, 200)
      yield* set(next)
      yield* restart
      yield* answered(100, 200)
      yield* load.stop
      // `whole` fails if a body signed with an active secret was answered 400.
      yield* whole()
      const body = new TextEncoder().encode("signed with the old secret")
      for (const url of urls()) {
        const { status } = yield* deliver(url, { body, signature: Signature.sign(body, secret) })
        assert.strictEqual(status, 400)
      }
      for (const { end } of receivers) yield* end("SIGTERM")
    }).pipe(Effect.provide(platform)))

  // Row 31, without a restart.
  it.effect("no request is refused during a rotation in the secret file only", () =>
    Effect.gen(function*() {
      const { answered, traffic, system, whole } = yield* Scene
      const fs = yield* FileSystem.FileSystem
      const folder = yield* fs.makeTempDirectoryScoped()
      const next = Redacted.make("whsec_of_the_file, with a comma")
      const set = (...lines: ReadonlyArray<string>) =>
        Effect.andThen(
          fs.writeFileString(`${folder}/next`, lines.join("\n")),
          fs.rename(`${folder}/next`, `${folder}/secrets`)
        )
      yield* set(Redacted.value(secret))
      const env = { THREEQPR_WEBHOOK_SECRET: "", THREEQPR_WEBHOOK_SECRET_FILE: `${folder}/secrets` }
      const receivers = [yield* system.add("ingress", env), yield* system.add("ingress", env)]
      const pids = receivers.map(({ now }) => now()?.pid)
      const taken = (times: number) =>
        Effect.repeat(Effect.sleep("20 millis"), {
          until: () =>
            receivers.every(({ now }) =>
              (now()?.logs.filter((line) => line.includes("was read again")).length ?? 0) >= times
            )
        })
      let signing = secret
      const urls = () => receivers.map(({ webhook }) => webhook)
      const load = yield* traffic({ rate: 100, urls, secret: () => signing })
      yield* answered(100, 200)
      yield* set(Redacted.value(secret), Redacted.value(next))
      yield* taken(1)
      signing = next
      yield* answered(100, 200)
      // Deliveries signed with the old secret are answered by now, or are sent again with the new one.
      yield* set(Redacted.value(next))
      yield* taken(2)
      yield* answered(100, 200)
      yield* load.stop
      yield* whole()
      assert.deepStrictEqual(receivers.map(({ now }) => now()?.pid), pids)
      const body = new TextEncoder().encode("signed with the old secret")
      for (const url of urls()) {
        const { status } = yield* deliver(url, { body, signature: Signature.sign(body, secret) })
        assert.strictEqual(status, 400)
      }
      for (const { admin, end } of receivers) {
        const { body } = yield* send(`${admin}/metrics`)
        assert.match(String(body), /threeqpr_signature_matches_total\{secret="2"\} [1-9]/)
        yield* end("SIGTERM")
      }
    }).pipe(Effect.provide(platform)))
})
