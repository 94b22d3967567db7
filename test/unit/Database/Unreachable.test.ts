// Runs: node first

import { assert, describe, it } from "@effect/vitest"
import {
  AuthenticationError,
  ConnectionError,
  SqlError,
  type SqlErrorReason,
  UnknownError
} from "effect/sql/SqlError"
import { unreachable } from "../../../src/Database/External.ts"

const errorOf = (message: string, code?: string) => Object.assign(new Error(message), { code })

const facts = (cause: Error) => ({ cause, message: "", operation: "connect" })

const explain = (reason: SqlErrorReason, demandsTls = false) =>
  unreachable("db:5432/events", demandsTls, new SqlError({ reason }))

const remedyOf = (cause: Error, demandsTls = false) =>
  explain(new ConnectionError(facts(cause)), demandsTls).remedy

describe("a database that cannot be reached", () => {
  it("is explained by the code of the error, not by words of its message", () => {
    const missing = errorOf("database \"tls_certificates\" does not exist", "3D000")
    assert.match(explain(new UnknownError(facts(missing))).remedy, /^Check host, port and database/)
    assert.match(
      remedyOf(errorOf("connect", "ECONNREFUSED"), true),
      /^Check host, port and database/
    )
    for (const code of ["CERT_HAS_EXPIRED", "ERR_TLS_CERT_ALTNAME_INVALID", "DEPTH_ZERO_SELF_SIGNED_CERT"]) {
      assert.match(remedyOf(errorOf("no", code)), /^Check sslmode/, code)
    }
  })

  it("is about TLS when DATABASE_URL demands it and the error has no code", () => {
    const refused = errorOf("The server does not support TLS")
    assert.match(remedyOf(refused, true), /^Check sslmode/)
    assert.match(remedyOf(refused), /^Check host, port and database/)
  })

  it("names the log-in, and TLS only when pg_hba.conf refuses the user", () => {
    const loginOf = (code: string) => explain(new AuthenticationError(facts(errorOf("no", code)))).remedy
    assert.match(loginOf("28P01"), /^Check the user and password in DATABASE_URL/)
    assert.notInclude(loginOf("28P01"), "sslmode")
    assert.match(loginOf("28000"), /pg_hba\.conf allows this user\. Check sslmode/)
  })

  it("has the reason, the remedy and the cause as fields, and both sentences as message", () => {
    const cause = errorOf("password authentication failed for user \"events\"", "28P01")
    const error = explain(new AuthenticationError(facts(cause)))
    assert.strictEqual(error.cause, cause)
    assert.strictEqual(
      error.reason,
      "Cannot log in to the database at db:5432/events: password authentication failed for user \"events\""
    )
    assert.strictEqual(error.message, `${error.reason}. ${error.remedy}`)
  })
})
