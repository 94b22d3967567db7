import { assert, layer } from "@effect/vitest"
import { Array as Arr, Effect, Layer, Logger, Redacted } from "effect"
import { HttpServer } from "effect/http"
import { SqlClient } from "effect/sql/SqlClient"
import { Buffer } from "node:buffer"
import { createHash } from "node:crypto"
import { request } from "node:http"
import * as Admin from "../../../src/Admin/Admin.ts"
import { Nats } from "../../../src/Nats/Nats.ts"
import { ProcessHealth } from "../../../src/Process/ProcessHealth.ts"
import { linkTo } from "../../../src/Process/SignInCode.ts"
import { scans } from "../../../src/Projector/Projections/Scans.ts"
import { postgres } from "../../support/Databases.ts"
import { consumersOnBroker } from "../../support/Log.ts"
import { delivered, given } from "../../support/Specification.ts"

const logs: Array<string> = []
const logged = Logger.layer([Logger.make(({ message }) => void logs.push(String(message)))])

const everything = Layer.mergeAll(consumersOnBroker, ProcessHealth.layer).pipe(
  Layer.provideMerge(postgres.layer)
)
const guarded = Admin.layer({
  host: "127.0.0.1",
  port: 0,
  token: Redacted.make("operator's token"),
  readToken: Redacted.make("reader's token"),
  allowedHosts: ["events.example.com"]
}).pipe(
  Layer.provideMerge(everything),
  Layer.provideMerge(logged)
)
const open = Admin.layer({ host: "127.0.0.1", port: 0 }).pipe(
  Layer.provideMerge(everything),
  Layer.provideMerge(logged)
)

interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, unknown>>
  readonly body: string
}

/** `fetch` does not allow all headers to be set. */
const ask = Effect.fnUntraced(function*(
  method: string,
  path: string,
  headers: Readonly<Record<string, string>> = {},
  body = ""
) {
  const { hostname, port } = new URL(HttpServer.formatAddress((yield* HttpServer.HttpServer).address))
  return yield* Effect.callback<Answer>((resume) => {
    const asked = request({ hostname, port, path, method, headers }, (response) => {
      const { headers, statusCode: status = 0 } = response
      let body = ""
      const done = () => resume(Effect.succeed({ status, headers, body }))
      response.on("data", (chunk) => void (body += String(chunk)))
      response.on("end", done)
      // A live stream does not end by itself.
      if (headers["content-type"]?.startsWith("text/event-stream")) {
        response.once("data", () => {
          done()
          asked.destroy()
        })
      }
    })
    asked.on("error", () => {})
    asked.end(method === "GET" || method === "HEAD" ? "" : body)
  })
})

const as = (who: "operator" | "reader") => ({ authorization: `Bearer ${who}'s token` })

/** Every operation of the contract, with placeholders for its path parameters. */
const operations = Effect.gen(function*() {
  const { body } = yield* ask("GET", "/openapi.json", as("reader"))
  const paths = Object.entries<object>(JSON.parse(body).paths)
  return paths.flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => ({
      method: method.toUpperCase(),
      path: path.replaceAll(/\{(sequence)\}/g, "1").replaceAll(/\{\w+\}/g, "scans")
    }))
  )
})

/** The part of an operation's OpenAPI description that these tests read. */
interface Operation {
  readonly parameters?: ReadonlyArray<{ readonly name: string; readonly in: string }>
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: Shape }>> }
}

interface Shape {
  readonly $ref?: string
  readonly properties?: Readonly<Record<string, unknown>>
}

/** A summary of all stored data: the state of each stream, and a hash of each table. */
const kept = Effect.gen(function*() {
  const { connection } = yield* Nats
  const sql = yield* SqlClient
  const streams = yield* Effect.promise(async () => {
    const found = await (await connection.jetstreamManager()).streams.list().next()
    return found.map(({ config, state }) => [config.name, state.last_seq, state.messages])
  })
  const tables = yield* sql.unsafe<{ readonly name: string }>(
    "select table_name as name from information_schema.tables where table_schema = 'public' and table_type = 'BASE TABLE' order by 1"
  )
  const rows = yield* Effect.forEach(
    tables,
    ({ name }) =>
      sql.unsafe(
        `select '${name}' as name, md5(coalesce(string_agg(t::text, ',' order by t::text), '')) from "${name}" t`
      )
  )
  return { streams, rows }
})

layer(guarded, { excludeTestServices: true })("the private listener with tokens", (it) => {
  it.effect("lets a reader query everything and change nothing, an operator do both, and others do neither", () =>
    Effect.gen(function*() {
      const all = yield* operations
      assert.isAbove(all.filter(({ method }) => method === "GET").length, 15)
      assert.isAbove(all.filter(({ method }) => method === "POST").length, 6)
      for (const { method, path } of all) {
        const what = `${method} ${path}`
        const reader = yield* ask(method, path, as("reader"), "{}")
        if (method === "GET") assert.notInclude([401, 403], reader.status, what)
        else {
          assert.strictEqual(reader.status, 403, what)
          assert.include(JSON.parse(reader.body), { type: "urn:threeqpr-events:problem:read-only" }, what)
        }
        const operator = yield* ask(
          method,
          path,
          { ...as("operator"), "content-type": "application/json" },
          "{}"
        )
        assert.notInclude([401, 403], operator.status, what)
        assert.strictEqual((yield* ask(method, path, {}, "{}")).status, 401, what)
      }
    }))

  it.effect("refuses a token that is cut, longer, in another case, or in the URL", () =>
    Effect.gen(function*() {
      const wrong = [
        "",
        "Bearer",
        "Bearer ",
        "Bearer operator's toke",
        "Bearer operator's token2",
        "Bearer OPERATOR'S TOKEN",
        "Basic operator's token",
        "operator's token",
        "Bearer undefined"
      ]
      yield* Effect.forEach(
        wrong,
        (authorization) =>
          Effect.map(
            ask("GET", "/v1/scans", { authorization }),
            ({ status }) => assert.strictEqual(status, 401, authorization)
          ),
        { concurrency: "unbounded" }
      )
      const inUrl = yield* ask("GET", `/v1/scans?token=${encodeURIComponent("operator's token")}`)
      assert.strictEqual(inUrl.status, 401)
      assert.notInclude(inUrl.body, "operator's token")
    }))

  it.effect("counts failed authentications, logs the address behind wrong tokens once, and delays their responses", () =>
    Effect.gen(function*() {
      const counted = Effect.map(
        ask("GET", "/metrics", as("reader")),
        ({ body }) =>
          ["missing_token", "wrong_token"].map((reason) =>
            Number(
              new RegExp(`threeqpr_failed_authentications_total{reason="${reason}"} (\\d+)`).exec(body)?.[1]
            )
          )
      )
      const [missing = 0, wrong = 0] = yield* counted
      const started = performance.now()
      yield* Effect.replicateEffect(ask("GET", "/v1/scans"), 3)
      // Three sequential delays would take 1,500 ms.
      assert.isBelow(performance.now() - started, 1_400, "without a token")
      const guessed = performance.now()
      yield* Effect.forEach(
        Arr.range(1, 10),
        (n) => ask("GET", "/v1/scans", { authorization: `Bearer guess ${n}` }),
        { concurrency: "unbounded" }
      )
      assert.isAtLeast(performance.now() - guessed, 495)
      assert.deepStrictEqual(yield* counted, [missing + 3, wrong + 10])
      const told = logs.filter((line) => line.includes("wrong token"))
      assert.lengthOf(told, 1)
      assert.match(told[0] ?? "", /from (::ffff:)?127\.0\.0\.1\. threeqpr_failed/)
      assert.notInclude(told.join(), "guess")
    }))

  it.effect("accepts host names that no public page can have, and those that are allowed", () =>
    Effect.gen(function*() {
      const right: ReadonlyArray<Readonly<Record<string, string>>> = [
        { host: "localhost:3001" },
        { host: "127.0.0.1" },
        { host: "[::1]:3001" },
        { host: "192.0.2.7:3001" },
        { host: "[2001:db8::7]:3001" },
        { host: "admin:3001" },
        { host: "events.example.com" },
        { host: "EVENTS.example.com.:443" },
        { host: "events.example.com", origin: "https://events.example.com" },
        // A proxy that forwards its own `Host`.
        { host: "127.0.0.1:3001", origin: "https://events.example.com" }
      ]
      for (const headers of right) {
        const { status } = yield* ask("GET", "/v1/scans", { ...as("operator"), ...headers })
        assert.notInclude([401, 403], status, JSON.stringify(headers))
      }
      const wrong: ReadonlyArray<Readonly<Record<string, string>>> = [
        { host: "evil.example" },
        { host: "evil.example:3001", origin: "http://evil.example:3001" },
        { host: "127.0.0.1.evil.example" },
        { host: "events.example.com.evil.example" },
        { host: "127.0.0.1:3001", origin: "https://evil.example" },
        { host: "192.0.2.7:3001", origin: "http://192.0.2.8:3001" }
      ]
      for (const headers of wrong) {
        for (const path of ["/v1/scans", "/", "/docs", "/metrics", "/openapi.json"]) {
          const { body, status } = yield* ask("GET", path, { ...as("operator"), ...headers })
          assert.strictEqual(status, 403, `${path} ${JSON.stringify(headers)}`)
          if (headers["origin"] === undefined) assert.include(JSON.parse(body).detail, "ADMIN_ALLOWED_HOSTS")
        }
        for (const path of ["/livez", "/readyz"]) {
          assert.strictEqual((yield* ask("GET", path, headers)).status, 200, path)
        }
      }
    }))

  it.effect("serves its pages without a token, because they hold no data", () =>
    Effect.gen(function*() {
      for (const path of ["/", "/docs", "/livez", "/readyz"]) {
        assert.strictEqual((yield* ask("GET", path)).status, 200, path)
      }
      for (const path of ["/docs/x", "/docsx", "/openapi.json", "/metrics", "/v1/status", "/nowhere"]) {
        assert.strictEqual((yield* ask("GET", path)).status, 401, path)
      }
    }))

  it.effect("exchanges the code of a sign-in link for its token, once, and refuses pages of other sites", () =>
    Effect.gen(function*() {
      const signIn = (code: unknown, headers = {}) =>
        ask(
          "POST",
          "/dashboard/sign-in",
          { "content-type": "application/json", ...headers },
          JSON.stringify({ code })
        )
      const link = linkTo("http://127.0.0.1", Redacted.make("operator's token"))
      const code = (yield* link).split("=")[1] ?? ""
      assert.strictEqual((yield* signIn(code, { origin: "https://evil.example" })).status, 403)
      assert.strictEqual((yield* signIn(code, { host: "evil.example" })).status, 403)
      const first = yield* signIn(code)
      assert.strictEqual(first.status, 200)
      assert.deepStrictEqual(JSON.parse(first.body), { token: "operator's token" })
      assert.strictEqual(first.headers["cache-control"], "no-store")
      const reader = (yield* linkTo("", Redacted.make("reader's token"))).split("=")[1]
      for (const wrong of [code, reader, "", 1, null, undefined, {}]) {
        const { body, status } = yield* signIn(wrong)
        assert.strictEqual(status, 401, JSON.stringify(wrong))
        assert.include(JSON.parse(body), { type: "urn:threeqpr-events:problem:sign-in-refused" })
        assert.include(JSON.parse(body).detail, "`threeqpr dashboard` prints a new one")
      }
      const [bare, large] = [
        yield* ask("POST", "/dashboard/sign-in", { "content-type": "application/json" }, "{"),
        yield* ask(
          "POST",
          "/dashboard/sign-in",
          { "content-type": "application/json" },
          " ".repeat(2_000_000)
        )
      ]
      assert.strictEqual(bare.status, 401)
      assert.isAtLeast(large.status, 400)
      assert.strictEqual((yield* ask("GET", `/dashboard/sign-in?code=${code}`)).status, 404)
    }))

  it.effect("accepts the name of the scheme in any case", () =>
    Effect.gen(function*() {
      for (const scheme of ["bearer", "BEARER"]) {
        const { status } = yield* ask("GET", "/v1/scans", { authorization: `${scheme} operator's token` })
        assert.notStrictEqual(status, 401, scheme)
      }
    }))

  it.effect("answers HEAD as GET, and 404 where GET is 404", () =>
    Effect.gen(function*() {
      for (const path of ["/livez", "/readyz", "/metrics", "/v1/scans", "/nowhere"]) {
        const { status } = yield* ask("GET", path, as("operator"))
        const head = yield* ask("HEAD", path, as("operator"))
        assert.deepStrictEqual([head.status, head.body], [status, ""], path)
      }
    }))

  it.effect("looks up ids of every length that the log accepts", () =>
    Effect.gen(function*() {
      for (const path of ["events", "dead-letters"]) {
        const { body, status } = yield* ask(
          "GET",
          `/v1/${path}/${"x".repeat(200)}`,
          as("operator")
        )
        assert.strictEqual(status, 404, path)
        assert.notInclude(body, "No route", path)
      }
    }))

  it.effect("rejects a body over one mebibyte", () =>
    Effect.gen(function*() {
      const headers = { ...as("operator"), "content-type": "application/json" }
      const { status } = yield* ask(
        "POST",
        "/v1/forget",
        headers,
        JSON.stringify({ reason: "x".repeat(1_100_000) })
      )
      assert.include([400, 413], status)
    }))

  it.effect("changes nothing on any GET, even for an operator", () =>
    Effect.gen(function*() {
      const { when } = yield* given(scans)
      yield* when([delivered(1, "evt_1", "scan.created", { id: "scan_1" })])
      const before = yield* kept
      for (const { method, path } of yield* operations) {
        if (method === "GET") yield* ask(method, path, as("operator"))
        if (method === "GET") yield* ask("HEAD", path, as("operator"))
      }
      for (const path of ["/", "/docs", "/metrics", "/livez", "/readyz"]) {
        yield* ask("GET", path, as("operator"))
      }
      assert.deepStrictEqual(yield* kept, before)
    }))

  it.effect("forbids browsers to run, frame or store anything, except the scripts of /docs", () =>
    Effect.gen(function*() {
      for (const path of ["/v1/scans", "/openapi.json", "/metrics", "/nowhere", "/livez", "/docs"]) {
        const { headers } = yield* ask("GET", path, as("reader"))
        assert.match(
          String(headers["content-security-policy"]),
          /^default-src 'none'.*frame-ancestors 'none'/,
          path
        )
        assert.strictEqual(headers["x-content-type-options"], "nosniff", path)
        assert.strictEqual(headers["cache-control"], "no-store", path)
      }
      assert.property(
        (yield* ask("GET", "/v1/scans")).headers,
        "content-security-policy",
        "with no token too"
      )
      const docs = yield* ask("GET", "/docs", as("reader"))
      const policy = String(docs.headers["content-security-policy"])
      const [, scripts = ""] = /script-src ([^;]*)/.exec(policy) ?? []
      assert.match(scripts, /^'sha256-[^']+'$/)
      const [, script = ""] = /<script>([^]*?)<\/script>/.exec(docs.body) ?? []
      assert.include(script, "SwaggerUIBundle")
      const hash = createHash("sha256").update(Buffer.from(script)).digest("base64")
      assert.strictEqual(scripts, `'sha256-${hash}'`)
    }))
})

layer(open, { excludeTestServices: true })("the private listener without a token", (it) => {
  it.effect("refuses an unknown parameter, by name, on every route", () =>
    Effect.gen(function*() {
      const all = yield* operations
      assert.isAbove(all.length, 30)
      for (const { method, path } of all) {
        const { body, headers, status } = yield* ask(
          method,
          `${path}?unheard_of=1`,
          { "content-type": "application/json" },
          "{}"
        )
        const what = `${method} ${path}: ${body}`
        // A required parameter may be invalid as well: the path has `scans` where a number is expected.
        assert.strictEqual(status, 400, what)
        assert.strictEqual(headers["content-type"], "application/problem+json", what)
        if (!body.includes("\"params\"")) {
          assert.include(JSON.parse(body).detail, "query.unheard_of: This parameter does not exist", what)
        }
      }
    }))

  it.effect("refuses text that the database cannot hold, except in fields for an event's text, and logs nothing", () =>
    Effect.gen(function*() {
      const isOfEvents = (path: string, name: string) =>
        path === "/v1/forget"
          ? name.endsWith("_id")
          : /^\/v1\/(scans|conversations|qpr-codes|subscriptions)\b/.test(path)
            && !["limit", "offset", "cursor", "since", "until", "period", "granularity"].includes(name)
      const document = JSON.parse((yield* ask("GET", "/openapi.json")).body)
      const { paths }: { readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>> } =
        document
      const schemas: Readonly<Record<string, Shape>> = document.components.schemas
      const before = logs.length
      let asked = 0
      const refused = Effect.fnUntraced(function*(method: string, path: string, body = "{}") {
        asked++
        const answer = yield* ask(method, path, { "content-type": "application/json" }, body)
        assert.strictEqual(answer.status, 400, `${method} ${path} ${body}: ${answer.body}`)
      })
      for (const [path, methods] of Object.entries(paths)) {
        for (const [name, { parameters = [], requestBody }] of Object.entries(methods)) {
          const method = name.toUpperCase()
          const plain = path.replaceAll(/\{\w+\}/g, "1")
          for (const { in: place, name } of parameters.filter(({ name }) => !isOfEvents(path, name))) {
            if (place === "path") {
              yield* refused(method, path.replace(`{${name}}`, "a%00").replaceAll(/\{\w+\}/g, "1"))
            }
            if (place === "query") yield* refused(method, `${plain}?${encodeURIComponent(name)}=a%00`)
          }
          const shape = requestBody?.content["application/json"]?.schema
          const fields = shape?.properties ?? schemas[shape?.$ref?.split("/").at(-1) ?? ""]?.properties ?? {}
          for (const field of Object.keys(fields).filter((name) => !isOfEvents(path, name))) {
            for (const text of ["a\u0000", "a\ud800"]) {
              yield* refused(
                method,
                plain,
                JSON.stringify({ by: "the tests", reason: "a test", [field]: text })
              )
            }
          }
        }
      }
      assert.isAbove(asked, 50)
      assert.deepStrictEqual(logs.slice(before), [])
    }))

  it.effect("suggests the probable name for an unknown parameter or field", () =>
    Effect.gen(function*() {
      const detail = Effect.fnUntraced(function*(method: string, path: string, body = {}) {
        const headers = { "content-type": "application/json" }
        const answer = yield* ask(method, path, headers, JSON.stringify(body))
        assert.strictEqual(answer.status, 400, path)
        return JSON.parse(answer.body).detail
      })
      assert.strictEqual(
        yield* detail("GET", "/v1/scans?countri=CH&limit=1"),
        "query.countri: This parameter does not exist. Did you mean country?"
      )
      assert.strictEqual(
        yield* detail("GET", "/v1/status?x=1"),
        "query.x: This parameter does not exist. No parameter is allowed here."
      )
      assert.include(
        yield* detail("POST", "/v1/dead-letters/redrive", {
          filter: { consumr: "scans-1" },
          by: "the tests"
        }),
        "payload.filter.consumr: This field does not exist. Did you mean consumer?"
      )
      assert.strictEqual(
        yield* detail("POST", "/v1/projections/scans/rebuild", { by: "the tests", dryrun: true }),
        "payload.dryrun: This field does not exist. Did you mean dry_run?"
      )
    }))

  it.effect("refuses requests from another site or under another host name, with any method", () =>
    Effect.gen(function*() {
      const host = "localhost:3001"
      const wrong: ReadonlyArray<Readonly<Record<string, string>>> = [
        { host: "evil.example" },
        { host: "evil.example:3001" },
        { host: "127.0.0.1.evil.example" },
        { host: "localhost.evil.example" },
        { host, origin: "https://evil.example" },
        { host, origin: "http://localhost:3002" },
        { host, origin: "http://localhost:3001.evil.example" },
        { host, origin: "null" },
        { host, origin: "" },
        { host, "sec-fetch-site": "cross-site", "sec-fetch-dest": "image" },
        { host, "sec-fetch-site": "cross-site", "sec-fetch-dest": "iframe" },
        { host, "sec-fetch-site": "same-site", "sec-fetch-dest": "empty" }
      ]
      for (const headers of wrong) {
        for (
          const [method, path] of [["GET", "/v1/scans"], ["POST", "/v1/dead-letters/discard"], [
            "GET",
            "/docs"
          ]] as const
        ) {
          const { body, status } = yield* ask(method, path, headers)
          assert.strictEqual(status, 403, `${method} ${path} ${JSON.stringify(headers)}`)
          assert.include(body, "problem:forbidden")
        }
      }
      const right: ReadonlyArray<Readonly<Record<string, string>>> = [
        { host },
        { host: "[::1]:3001" },
        { host, origin: `http://${host}` },
        { host, "sec-fetch-site": "same-origin", "sec-fetch-dest": "empty" },
        { host, "sec-fetch-site": "none", "sec-fetch-dest": "document" },
        { host, "sec-fetch-site": "cross-site", "sec-fetch-dest": "document" }
      ]
      for (const headers of right) {
        assert.notInclude(
          [401, 403],
          (yield* ask("GET", "/v1/scans", headers)).status,
          JSON.stringify(headers)
        )
      }
    }))
})
