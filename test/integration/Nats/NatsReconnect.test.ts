import { assert, describe } from "@effect/vitest"
import { Context, Effect, Layer, Redacted, type Scope } from "effect"
import { writeFileSync } from "node:fs"
import { createServer, type Socket } from "node:net"
import { join } from "node:path"
import { Nats, type Target } from "../../../src/Nats/Nats.ts"
import { certificates } from "../../support/Certificates.ts"
import { setClockBack } from "../../support/Clock.ts"
import { test } from "../../support/Live.ts"
import { operated } from "../../support/NatsJwt.ts"
import * as NatsProcess from "../../support/NatsProcess.ts"
import { until } from "../../support/Until.ts"

const connected = (target: Target) => Effect.map(Layer.build(Nats.layer(target)), Context.get(Nats))

const refusal = (target: Target) => Effect.flip(Layer.build(Nats.layer({ attempts: 2, ...target })))

const untilBack = (nats: Nats["Service"]) =>
  until("connected", Effect.sync(nats.isConnected), (connected) => connected)

const untilFault = (nats: Nats["Service"], fault: RegExp) =>
  until(`a fault like ${fault}`, Effect.sync(nats.fault), (found) => fault.test(found ?? ""))

/** A server without TLS that keeps the data it receives, on a free port by default. */
const plain = (port = 0): Effect.Effect<
  { readonly port: number; readonly got: () => string; readonly greeted: () => number },
  never,
  Scope.Scope
> => {
  let got = ""
  let greeted = 0
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    greeted++
    sockets.add(socket)
    socket.on("error", () => undefined).on("data", (data) => void (got += String(data)))
    const info = { server_id: "x", version: "2.10.0", proto: 1, headers: true, max_payload: 1 << 20 }
    socket.write(`INFO ${JSON.stringify(info)}\r\n`)
  })
  return Effect.acquireRelease(
    Effect.callback((resume) => {
      server.listen(port, "127.0.0.1", () => {
        const address = server.address()
        const port = typeof address === "object" && address ? address.port : 0
        resume(Effect.succeed({ port, got: () => got, greeted: () => greeted }))
      })
    }),
    () =>
      Effect.sync(() => {
        sockets.forEach((socket) => socket.destroy())
        server.close()
      })
  )
}

const hidden = "password_of_the_tests"

describe("a connection whose login is refused", () => {
  test(
    "reconnects when the broker accepts the token again, and meanwhile reports the remedy",
    Effect.gen(function*() {
      const broker = yield* NatsProcess.start()
      const nats = yield* connected({ servers: [broker.url], token: Redacted.make(broker.token) })
      assert.isUndefined(nats.fault())
      yield* broker.signal("SIGKILL")
      yield* Effect.scoped(Effect.gen(function*() {
        yield* NatsProcess.start({}, { port: broker.port, authorization: { token: "another" } })
        const fault = yield* untilFault(nats, /AUTHORIZATION_VIOLATION.*NATS_TOKEN/)
        assert.notInclude(fault, broker.token)
        // By default, the client closes permanently after two equal refusals.
        yield* Effect.sleep("1500 millis")
        assert.isFalse(nats.connection.isClosed())
      }))
      yield* broker.start
      yield* untilBack(nats)
      assert.isUndefined(nats.fault())
      yield* Effect.promise(() => nats.connection.flush())
    })
  )

  test(
    "reads the files of its token and its password again",
    Effect.gen(function*() {
      const { folder } = yield* certificates
      const tokenFile = join(folder, "token")
      writeFileSync(tokenFile, "first\n")
      const passwordFile = join(folder, "password")
      writeFileSync(passwordFile, "first\n")
      const authorized = (password: string) => ({ users: [{ user: "me", password }] })
      const one = yield* NatsProcess.start({}, { authorization: { token: "first" } })
      const two = yield* NatsProcess.start({}, { authorization: authorized("first") })
      const byToken = yield* connected({ servers: [one.url], tokenFile })
      const byPassword = yield* connected({ servers: [two.url], user: "me", passwordFile })
      writeFileSync(tokenFile, "second\n")
      writeFileSync(passwordFile, "second\n")
      yield* one.signal("SIGKILL")
      yield* two.signal("SIGKILL")
      yield* until(
        "both lost",
        Effect.sync(() => byToken.isConnected() || byPassword.isConnected()),
        (is) => !is
      )
      yield* NatsProcess.start({}, { port: one.port, authorization: { token: "second" } })
      yield* NatsProcess.start({}, { port: two.port, authorization: authorized("second") })
      yield* untilBack(byToken)
      yield* untilBack(byPassword)
    })
  )

  test(
    "reconnects with a fresh credentials file after its user has expired, also after a half-written file",
    Effect.gen(function*() {
      const { folder } = yield* certificates
      const { expiring, settings } = operated()
      const { url } = yield* NatsProcess.start({}, { authorization: undefined, ...settings })
      const credentialsFile = join(folder, "user.creds")
      writeFileSync(credentialsFile, expiring(3))
      const nats = yield* connected({ servers: [url], credentialsFile })
      writeFileSync(credentialsFile, expiring(60).slice(0, 100))
      const fault = yield* untilFault(
        nats,
        /refused the log-in.*NATS_CREDS is ".*user\.creds"\. That file cannot be used/
      )
      assert.notInclude(fault, "BEGIN")
      writeFileSync(credentialsFile, expiring(60))
      yield* untilBack(nats)
    })
  )
})

describe("a connection that requires TLS", () => {
  test(
    "is never made in plain text, and sends no data",
    Effect.gen(function*() {
      const { ca } = yield* certificates
      const server = yield* plain()
      const address = `127.0.0.1:${server.port}`
      const login = { user: "me", password: Redacted.make(hidden) }
      for (
        const target of [
          { servers: [`tls://${address}`], ...login },
          { servers: [`TLS://me:${hidden}@${address}`] },
          { servers: [`nats://${address}`, `tls://${address}`], ...login },
          { servers: [`nats://${address}`], tls: { ca }, ...login }
        ]
      ) {
        const { message, remedy } = yield* refusal(target)
        assert.match(message, /TLS is required.*the server offers none/)
        assert.include(remedy, "Set up TLS")
        assert.notInclude(message, hidden)
      }
      assert.isAtLeast(server.greeted(), 4)
      assert.strictEqual(server.got(), "")
    })
  )

  test(
    "is not made in plain text when the server returns without TLS, and reports this",
    Effect.gen(function*() {
      const { ca, server } = yield* certificates
      const broker = yield* NatsProcess.start({}, { tls: { cert_file: server.cert, key_file: server.key } })
      const nats = yield* connected({
        servers: [broker.url.replace("nats://", "tls://")],
        token: Redacted.make(broker.token),
        tls: { ca }
      })
      yield* broker.signal("SIGKILL")
      const other = yield* plain(broker.port)
      yield* untilFault(nats, /TLS is required/)
      assert.strictEqual(other.got(), "")
      assert.isAtLeast(other.greeted(), 1)
    })
  )
})

describe("a connection that is lost after the wall clock was set back by an hour", () => {
  test(
    "reconnects with the broker",
    Effect.gen(function*() {
      const broker = yield* NatsProcess.start()
      const nats = yield* connected({ servers: [broker.url], token: Redacted.make(broker.token) })
      yield* setClockBack
      yield* broker.signal("SIGKILL")
      yield* untilFault(nats, /not connected/)
      yield* broker.start
      yield* untilBack(nats)
    })
  )
})

describe("a connection that cannot be made", () => {
  const mistakes: Readonly<Record<string, readonly [target: Target, told: RegExp]>> = {
    "an address of a websocket": [{ servers: ["wss://127.0.0.1:1"] }, /neither nats:\/\/ nor tls:\/\//],
    "a credentials file that is not there": [
      { servers: ["127.0.0.1:1"], credentialsFile: "/none/user.creds" },
      /NATS_CREDS is "\/none\/user\.creds"\. That file cannot be used: ENOENT.*Set NATS_CREDS to a file/
    ],
    "a token file that is not there": [
      { servers: ["127.0.0.1:1"], tokenFile: "/none/token" },
      /NATS_TOKEN_FILE is "\/none\/token"\. That file cannot be used/
    ],
    "a certificate authority that is not there": [
      { servers: ["127.0.0.1:1"], tls: { ca: "/none/ca.pem" } },
      /NATS_TLS_CA is "\/none\/ca\.pem"\. That file cannot be used/
    ],
    "a host that is not there": [
      { servers: ["nats://none.invalid:4222"], attempts: 1 },
      /none\.invalid.*NATS_URL/
    ]
  }
  for (const [what, [target, told]] of Object.entries(mistakes)) {
    test(
      `names ${what} and the remedy`,
      Effect.map(refusal(target), ({ message }) => assert.match(message, told))
    )
  }
})
