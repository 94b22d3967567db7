// Runs: long

import { assert, describe } from "@effect/vitest"
import { Effect, Redacted } from "effect"
import { connect, createInbox, type NatsConnection } from "nats"
import { erasedSubject } from "../../src/EventLog/Names.ts"
import { newDatabase } from "../support/Databases.ts"
import { deliver, send } from "../support/Http.ts"
import { test } from "../support/Live.ts"
import { rolePermissions } from "../support/NatsPermissions.ts"
import * as NatsProcess from "../support/NatsProcess.ts"
import { serve } from "../support/Serve.ts"
import { until } from "../support/Until.ts"
import { scanCreated, secret, signed } from "../support/Webhook.ts"

const roles = ["ingress", "projector"] as const

/** The subjects that `docs/security/nats-permissions.md` lists for a role. */
const permissionsOf = (role: typeof roles[number]) => {
  const { publish, subscribe } = rolePermissions[role]
  return { publish: { allow: publish }, subscribe: { allow: subscribe }, allow_responses: true }
}

const started = Effect.gen(function*() {
  const users = [
    { user: "all", password: "all" },
    ...roles.map((user) => ({ user, password: user, permissions: permissionsOf(user) }))
  ]
  const { url } = yield* NatsProcess.start({}, { authorization: { users } })
  const environment = {
    NATS_URL: url,
    DATABASE_URL: yield* newDatabase,
    THREEQPR_WEBHOOK_SECRET: Redacted.value(secret)
  }
  const as = (user: string) => ({
    ...environment,
    NATS_USER: user,
    NATS_PASSWORD: user,
    ...(user !== "all" && { NATS_INBOX_PREFIX: `_INBOX_${user}` })
  })
  const admin = yield* serve(as("all"), ["--role", "admin"])
  const ingress = yield* serve(as("ingress"), ["--role", "ingress"])
  const projector = yield* serve(as("projector"), ["--role", "projector"])
  return { url, admin, ingress, projector }
})

/** The connection of an attacker with the stolen credential of a role. */
const thief = (url: string, user: string) =>
  Effect.acquireRelease(
    Effect.promise(() =>
      connect({ servers: url, user, pass: user, inboxPrefix: `_INBOX_${user}`, timeout: 700 })
    ),
    (connection) => Effect.promise(() => connection.close())
  )

/** Whether an attempt fails. */
const fails = (attempt: () => Promise<unknown>) =>
  Effect.promise(() => attempt().then(() => false, () => true))

const managing = (connection: NatsConnection) =>
  Effect.promise(() => connection.jetstreamManager({ checkAPI: false }))

describe("roles with separate credentials", () => {
  test(
    "work with the permissions in the docs; a stolen receiver login can only add events, and others can add none",
    Effect.gen(function*() {
      const { admin, ingress, projector, url } = yield* started
      for (const again of [false, true]) {
        const { body, status } = yield* deliver(ingress.webhook, signed(scanCreated("evt_1")))
        assert.deepStrictEqual([status, body], [200, { ok: true, id: "evt_1", duplicate: again }])
      }
      yield* until(
        "the scan",
        send(`${admin.admin}/v1/scans`),
        ({ body }) => (body as { readonly total: number }).total === 1
      )
      for (const part of [ingress, projector]) {
        assert.strictEqual((yield* send(`${part.admin}/readyz`)).status, 200)
      }

      const erasure = { event_id: "evt_1", by: "ann", reason: "asked" }
      const forgotten = yield* send(`${admin.admin}/v1/forget`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(erasure)
      })
      assert.strictEqual(forgotten.status, 200)
      yield* until(
        "the receiver knows the erased id",
        deliver(ingress.webhook, signed(scanCreated("evt_1"))),
        ({ body }) => (body as { readonly erased?: boolean }).erased === true
      )

      const receiver = yield* thief(url, "ingress")
      const events = "3QPR_EVENTS"
      const manager = yield* managing(receiver)
      const overheard: Array<string> = []
      let refused = 0
      for (const subject of ["_INBOX.>", "_INBOX_projector.>", "3qpr.events.>"]) {
        receiver.subscribe(subject, {
          callback: (error, msg) => void (error ? refused++ : overheard.push(msg.subject))
        })
      }
      for (
        const attempt of [
          () => manager.streams.getMessage(events, { seq: 1 }),
          () => manager.streams.deleteMessage(events, 1),
          () => manager.streams.purge(events),
          () => manager.streams.delete(events),
          () => receiver.jetstream({ timeout: 700 }).publish(erasedSubject("0".repeat(64))),
          () =>
            manager.consumers.add(events, {
              durable_name: "thief",
              deliver_subject: createInbox("_INBOX_ingress")
            })
        ]
      ) {
        assert.isTrue(yield* fails(attempt), String(attempt))
      }
      const reader = yield* thief(url, "projector")
      assert.isTrue(
        yield* fails(() => reader.jetstream({ timeout: 700 }).publish("3qpr.events.scan.created", "forged"))
      )
      const other = yield* managing(reader)
      for (
        const attempt of [() => other.streams.purge(events), () => other.streams.deleteMessage(events, 1)]
      ) {
        assert.isTrue(yield* fails(attempt), String(attempt))
      }
      assert.strictEqual((yield* deliver(ingress.webhook, signed(scanCreated("evt_2")))).status, 200)
      yield* until(
        "the second scan",
        send(`${admin.admin}/v1/status`),
        ({ body }) =>
          (body as { readonly stream: { readonly last_sequence: number } }).stream.last_sequence > 1
      )
      assert.deepStrictEqual([overheard, refused], [[], 3])
    }),
    120_000
  )
})
