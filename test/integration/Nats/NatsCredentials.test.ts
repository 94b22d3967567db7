import { assert, describe } from "@effect/vitest"
import { Effect, Layer, Redacted } from "effect"
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { EventLog } from "../../../src/EventLog/EventLog.ts"
import * as JetStream from "../../../src/EventLog/JetStream.ts"
import { Nats, type Target } from "../../../src/Nats/Nats.ts"
import { entryOf } from "../../contract/EventLog.ts"
import { certificates } from "../../support/Certificates.ts"
import { test } from "../../support/Live.ts"
import { topology } from "../../support/Log.ts"
import { operated } from "../../support/NatsJwt.ts"
import * as NatsProcess from "../../support/NatsProcess.ts"

/** Appends an event with this target's login. */
const append = (target: Target) =>
  Effect.flatMap(EventLog, (log) => log.append(entryOf("evt_1"))).pipe(
    Effect.provide(JetStream.layer(topology).pipe(Layer.provide(Nats.layer(target))))
  )

/** The message for a refused client, after its last attempt. */
const refusal = (target: Target) =>
  Effect.map(Effect.flip(append({ attempts: 2, ...target })), ({ message }) => message)

const wrong = "wrong_password_of_the_tests"

describe("the login to NATS", () => {
  test(
    "can be a token, and a wrong one is not shown",
    Effect.gen(function*() {
      const { token, url } = yield* NatsProcess.start()
      yield* append({ servers: [url], token: Redacted.make(token) })
      const told = yield* refusal({ servers: [url], token: Redacted.make(wrong) })
      assert.match(told, /authorization violation.*NATS_TOKEN/i)
      assert.notInclude(told, wrong)
    })
  )

  test(
    "can be a user with a password, in variables or in the address, and neither is shown",
    Effect.gen(function*() {
      const users = [{ user: "threeqpr", password: "p4ss:w/rd" }]
      const { url } = yield* NatsProcess.start({}, { authorization: { users } })
      const password = Redacted.make("p4ss:w/rd")
      yield* append({ servers: [url], user: "threeqpr", password })
      yield* append({
        servers: [url.replace("nats://", `nats://threeqpr:${encodeURIComponent("p4ss:w/rd")}@`)]
      })
      for (
        const target of [
          { servers: [url], user: "threeqpr", password: Redacted.make(wrong) },
          { servers: [url.replace("nats://", `nats://threeqpr:${wrong}@`)] },
          { servers: [url] }
        ]
      ) {
        const told = yield* refusal(target)
        assert.match(told, /authorization violation.*NATS_USER/i)
        assert.notInclude(told, wrong)
      }
    })
  )

  test(
    "can be a credentials file, which must exist",
    Effect.gen(function*() {
      const { folder } = yield* certificates
      const { credentials, settings } = operated()
      const { url } = yield* NatsProcess.start({}, { authorization: undefined, ...settings })
      const credentialsFile = join(folder, "user.creds")
      writeFileSync(credentialsFile, credentials)
      yield* append({ servers: [url], credentialsFile })
      const other = join(folder, "other.creds")
      writeFileSync(other, operated().credentials)
      const [, seed = ""] = /BEGIN USER NKEY SEED-+\n(\w+)/.exec(operated().credentials) ?? []
      const told = yield* refusal({ servers: [url], credentialsFile: other })
      assert.match(told, /authorization violation.*NATS_CREDS/i)
      assert.notInclude(told, seed)
      const missing = join(folder, "none.creds")
      assert.include(yield* refusal({ servers: [url], credentialsFile: missing }), missing)
    })
  )
})

describe("TLS to NATS", () => {
  test(
    "trusts the configured authority and no other",
    Effect.gen(function*() {
      const { ca, server } = yield* certificates
      const tls = { cert_file: server.cert, key_file: server.key }
      const { token, url } = yield* NatsProcess.start({}, { tls })
      const target = { servers: [url], token: Redacted.make(token) }
      yield* append({ ...target, tls: { ca } })
      const other = yield* certificates
      for (const untrusted of [target, { ...target, tls: { ca: other.ca } }]) {
        assert.match(yield* refusal(untrusted), /certificate.*NATS_TLS_CA/i)
      }
    })
  )

  test(
    "presents a client certificate where the broker requires one",
    Effect.gen(function*() {
      const { ca, client, server } = yield* certificates
      const tls = { cert_file: server.cert, key_file: server.key, ca_file: ca, verify: true }
      const { token, url } = yield* NatsProcess.start({}, { tls })
      const target = { servers: [url], token: Redacted.make(token) }
      yield* append({ ...target, tls: { ca, ...client } })
      assert.match(
        yield* refusal({ ...target, tls: { ca }, attempts: 1 }),
        /NATS_TLS_CERT and NATS_TLS_KEY are required/
      )
    })
  )
})
