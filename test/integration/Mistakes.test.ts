import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { ConfigProvider, Effect, FileSystem, Layer, Redacted, type Scope } from "effect"
import { SqlError, UnknownError } from "effect/sql/SqlError"
import { createServer } from "node:net"
import * as Admin from "../../src/Admin/Admin.ts"
import { notListening } from "../../src/Admin/NotListening.ts"
import { failedWith } from "../../src/Cli/Examine/Finding.ts"
import { Database } from "../../src/Database/Database.ts"
import { explain } from "../../src/Database/MigrationFailed.ts"
import { findOrInstall } from "../../src/Nats/Install.ts"
import { Nats } from "../../src/Nats/Nats.ts"
import { load } from "../../src/Process/Config.ts"
import * as DataDir from "../../src/Process/DataDir.ts"
import { messageOf } from "../../src/Process/Failure.ts"
import { ProcessHealth } from "../../src/Process/ProcessHealth.ts"
import * as WebhookSecret from "../../src/Signature/WebhookSecret.ts"
import { platform } from "../support/Broker.ts"
import * as Memory from "../support/MemoryLog.ts"

const settings = (environment: Record<string, string>) =>
  load().pipe(
    Effect.provideService(ConfigProvider.ConfigProvider, ConfigProvider.fromEnv({ env: environment }))
  )

const takenPort = Effect.acquireRelease(
  Effect.callback<{ readonly port: number; readonly close: () => void }>((resume) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const address = server.address()
      const port = typeof address === "object" && address ? address.port : 0
      resume(Effect.succeed({ port, close: () => server.close() }))
    })
  }),
  ({ close }) => Effect.sync(close)
)

const adminOn = (host: string, port: number, token?: Redacted.Redacted<string>) =>
  Layer.build(
    Admin.layerHealth({ host, port, token }).pipe(Layer.provide([Memory.layer(), ProcessHealth.layer]))
  )
    .pipe(
      Effect.catchTag("ServeError", (error) => Effect.fail(notListening({ host, port }, error)))
    )

const systemError = (code: string) => Object.assign(new Error(`${code}: of the tests`), { code })

const sqlError = (code: string, message: string) =>
  new SqlError({ reason: new UnknownError({ cause: Object.assign(new Error(message), { code }) }) })

type Mistake = Effect.Effect<
  unknown,
  unknown,
  Scope.Scope | Layer.Success<typeof platform> | Layer.Success<typeof NodeServices.layer>
>

const failed = (error: unknown) => Effect.fail(error)

/** Each mistake, and the message with the setting, the value and the remedy. */
const mistakes: Readonly<Record<string, readonly [mistake: Mistake, told: RegExp]>> = {
  "PORT is no number": [
    settings({ PORT: "abc" }),
    /PORT is "abc"; allowed is a whole number from 0 to 65535/
  ],
  "DEDUP_WINDOW is too short": [
    settings({ DEDUP_WINDOW: "2m" }),
    /DEDUP_WINDOW is "2m"; allowed is a duration of at least .*3QPR's retry schedule.*such as/
  ],
  "RETENTION is shorter than DEDUP_WINDOW": [
    settings({ RETENTION: "3h", DEDUP_WINDOW: "4h" }),
    /RETENTION is shorter than DEDUP_WINDOW; allowed is "unlimited", or a duration/
  ],
  "LOG_LEVEL is unknown": [settings({ LOG_LEVEL: "loud" }), /LOG_LEVEL is "loud"; allowed is Debug, Info/],
  "a variable is misspelt": [
    settings({ THREEQPR_WEBHOK_SECRET: "hidden" }),
    /THREEQPR_WEBHOK_SECRET is set.*Did you mean THREEQPR_WEBHOOK_SECRET\? Rename it, or unset it/
  ],
  "NATS_URL has another scheme": [
    settings({ NATS_URL: "http://me:hidden@127.0.0.1" }),
    /NATS_URL is not valid \(its value is not shown\); allowed is .*nats:\/\/ or tls:\/\//
  ],
  "the file of a secret is not there": [
    settings({ ADMIN_TOKEN_FILE: "/none/token" }),
    /ADMIN_TOKEN_FILE is "\/none\/token"\. That file cannot be read: ENOENT/
  ],
  "the file of webhook secrets is not there": [
    WebhookSecret.find({ secrets: undefined, secretFile: "/none/secret", dataDir: "." }),
    /\/none\/secret cannot be read.*THREEQPR_WEBHOOK_SECRET_FILE/
  ],
  "NATS refuses the connection": [
    Layer.build(Nats.layer({ servers: ["nats://me:hidden@127.0.0.1:1"], attempts: 1 })),
    /nats:\/\/127\.0\.0\.1:1: CONNECTION_REFUSED\. Check NATS_URL, and that the server is running/
  ],
  "the host of NATS has no address": [
    Layer.build(Nats.layer({ servers: ["nats://none.invalid"], attempts: 1 })),
    /none\.invalid.*Check NATS_URL/
  ],
  "NATS_SERVER_BIN is no nats-server": [
    findOrInstall({ binary: "/none/nats-server" }),
    /NATS_SERVER_BIN is "\/none\/nats-server".*Name a nats-server of version/
  ],
  "the database refuses the connection": [
    Layer.build(
      Database.layer({
        url: Redacted.make("postgres://me:hidden@127.0.0.1:1/none"),
        dataDir: "",
        poolSize: 1,
        attempts: 1
      })
    ),
    /127\.0\.0\.1:1\/none.*Check host, port and database in DATABASE_URL/
  ],
  "the disk of the database is full while it is migrated": [
    failed(explain(sqlError("53100", "could not extend file: No space left on device"))),
    /^Cannot migrate the database: could not extend file: No space left on device\. The disk of the database is full/
  ],
  "the user of DATABASE_URL may not create tables": [
    failed(explain(sqlError("42501", "permission denied for schema public"))),
    /permission denied for schema public\. Allow the user of DATABASE_URL to create tables/
  ],
  "DATABASE_URL names a standby": [
    failed(explain(sqlError("25006", "cannot execute CREATE TABLE in a read-only transaction"))),
    /The server of DATABASE_URL is read-only\. Set DATABASE_URL to the primary server/
  ],
  "DATA_DIR is a file": [
    DataDir.prepare("/etc/hostname"),
    /DATA_DIR is "\/etc\/hostname", which is a file\. Name a/
  ],
  "DATA_DIR is below a file": [
    DataDir.prepare("/etc/hostname/data"),
    /DATA_DIR is "\/etc\/hostname\/data", which is below a file\. Name a folder/
  ],
  "DATA_DIR is not writable": [
    failed(DataDir.unusable("/data", systemError("EACCES"))),
    /DATA_DIR is "\/data", which this user may not write to\. Let the user of this process write there/
  ],
  "DATA_DIR is on a full disk": [
    failed(DataDir.unusable("/data", systemError("ENOSPC"))),
    /DATA_DIR is "\/data", which has no space left\. Free some space there/
  ],
  "ADMIN_PORT is taken": [
    Effect.flatMap(takenPort, ({ port }) => adminOn("127.0.0.1", port)),
    /^The private listener cannot listen on 127\.0\.0\.1:\d+: another process uses this port\. Stop that process, or set ADMIN_PORT\.$/
  ],
  "ADMIN_HOST is no address of this machine": [
    adminOn("192.0.2.1", 0, Redacted.make("token")),
    /The private listener cannot listen on 192\.0\.2\.1:0: .*Change ADMIN_HOST or ADMIN_PORT\./
  ],
  "ADMIN_HOST is not loopback, without a token": [adminOn("0.0.0.0", 0), /ADMIN_HOST.*ADMIN_TOKEN/]
}

describe("a mistake is reported with the setting, the value and the remedy:", () => {
  for (const [what, [mistake, told]] of Object.entries(mistakes)) {
    it.live(what, () =>
      Effect.gen(function*() {
        const error = yield* Effect.flip(mistake)
        assert.match(messageOf(error), told)
        assert.notInclude(messageOf(error), "hidden")
      }).pipe(Effect.scoped, Effect.provide(Layer.merge(platform, NodeServices.layer))))
  }

  it.effect("and `doctor` shows the remedy separately", () =>
    Effect.sync(() => {
      const { remedy, seen } = failedWith(DataDir.unusable("/data", systemError("EROFS")))
      assert.strictEqual(seen, `DATA_DIR is "/data", which is on a read-only file system.`)
      assert.strictEqual(remedy, "Name a folder that can be written.")
    }))

  it.live("a usable folder contains no traces of the check", () =>
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const folder = `${yield* fs.makeTempDirectoryScoped()}/a/b`
      yield* DataDir.prepare(folder)
      assert.deepStrictEqual(yield* fs.readDirectory(folder), [])
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))
})
