import { edit, type Protection } from "../Protection.ts"

/** What stands against those who mean harm, beside what is in the other lists for a threat as well. */
export const threats: ReadonlyArray<Protection> = [
  {
    rows: ["T2"],
    name: "requests that proxies can read in two ways are refused",
    edits: [
      edit(
        "src/Process/Connections.ts",
        "maxHeaderSize: 8_192,",
        "maxHeaderSize: 8_192,\n  insecureHTTPParser: true,"
      )
    ],
    test: "integration/Ingress/PublicListener.test.ts",
    title: "answers requests that are not HTTP, have a long head, or are ambiguous, without a 500"
  },
  {
    rows: ["T4"],
    name: "a body in many tiny parts is not read to its end",
    edits: [edit("src/Ingress/Body.ts", "const toleratedParts = 1_024", "const toleratedParts = Infinity")],
    test: "integration/Ingress/PublicListener.test.ts",
    title: "refuses a body in many tiny parts, and stops reading it"
  },
  {
    rows: ["T4"],
    name: "parts of a body do not wait in a buffer",
    edits: [edit("src/Ingress/DeliveryHandler.ts", "    request.read(0)\n", "")],
    test: "integration/Ingress/DeliveryHandler.test.ts",
    title: "in chunks of one byte is received while it is parsed, so that no chunk waits in a buffer"
  },
  {
    rows: ["T4"],
    name: "a connection has few unanswered requests",
    edits: [
      edit("src/Process/Connections.ts", "const mostUnanswered = 16", "const mostUnanswered = Infinity")
    ],
    test: "integration/Process/Connections.test.ts",
    title: "is closed when it sends thousands of requests without waiting, and others are answered"
  },
  {
    rows: ["T5"],
    name: "bytes after a delivery do not replace its answer",
    edits: [edit("src/Process/Connections.ts", "if (waiting.length > 0 &&", "if (waiting.length > 9 &&")],
    test: "integration/Process/Connections.test.ts",
    title: "with a stray byte after a delivery answers the delivery, then closes"
  },
  {
    rows: ["T4", "T5"],
    name: "connections share the event loop",
    edits: [edit("src/Process/Connections.ts", "  readFairly(server)\n", "")],
    test: "integration/Process/Connections.test.ts",
    title: "that delivered before does not wait for the tiny chunks of 300 others, and all are answered"
  },
  {
    rows: ["T5"],
    name: "requests that time out at once do not block the event loop",
    edits: [edit("src/Process/Connections.ts", "inTurns.add(answer)", "answer()")],
    test: "integration/Process/Connections.test.ts",
    title: "is answered with a few others in a turn of the event loop when 100 requests time out at once"
  },
  {
    rows: ["T5"],
    name: "a slow body does not count as a delivery in flight",
    edits: [
      edit(
        "src/Ingress/DeliveryHandler.ts",
        "response: ServerResponse): void {\n    if (this.#storing >= this.#limits.maxInFlight) {",
        "response: ServerResponse): void {\n    if (this.#open.values().length >= this.#limits.maxInFlight) {"
      )
    ],
    test: "integration/Ingress/PublicListener.test.ts",
    title: "accepts an event while four times its limit of bodies arrive slowly, and answers those 408"
  },
  {
    rows: ["T5"],
    name: "the connection of a client that continues after its time-out is closed",
    edits: [
      edit(
        "src/Process/Connections.ts",
        "setTimeout(() => socket.destroy(), 1_000)\n  socket.once",
        "setTimeout(() => undefined, 1_000)\n  socket.once"
      )
    ],
    test: "e2e/Abuse.test.ts",
    title:
      "closes the connection of a client that continues after its head timed out, and mixes none of its data into others"
  },
  {
    rows: ["T7"],
    name: "a secret ends at its time",
    edits: [
      edit(
        "src/Domain/Secret.ts",
        "export const isActive = ({ until }: Secret, now: number) => until === undefined || now < until",
        "export const isActive = ({ until }: Secret, now: number) => until === undefined || now > 0"
      )
    ],
    test: "unit/Signature/WebhookSecret.test.ts",
    title: "ends at its time"
  },
  {
    rows: ["T7"],
    name: "the file of secrets is read again",
    edits: [
      edit("src/Signature/WebhookSecret/Rotation.ts", "if (!twice || key === settled) continue", "continue")
    ],
    test: "integration/Signature/SecretRotation.test.ts",
    title: "is read again when it is replaced, written to, or swapped behind a link as Kubernetes does"
  },
  {
    rows: ["T8"],
    name: "a request of another site without an Origin is refused",
    edits: [
      edit("src/Admin/Access/Access.ts", "if (isFromAnotherPage(headers)) {", "if (isFromAnotherPage({})) {")
    ],
    test: "integration/Admin/AdminAccess.test.ts",
    title: "refuses requests from another site or under another host name, with any method"
  },
  {
    rows: ["T9"],
    name: "a page runs only its own scripts",
    edits: [edit("src/Admin/Access/Guards.ts", `"content-security-policy": policyOf(response),`, "")],
    test: "integration/Admin/AdminAccess.test.ts",
    title: "forbids browsers to run, frame or store anything, except the scripts of /docs"
  },
  {
    rows: ["T11"],
    name: "a read token cannot change anything",
    edits: [
      edit(
        "src/Admin/Access/Access.ts",
        "if (operates || (reads && isRead(method))) return undefined",
        "if (operates || reads) return undefined"
      )
    ],
    test: "integration/Admin/AdminAccess.test.ts",
    title: "lets a reader query everything and change nothing, an operator do both, and others do neither"
  },
  {
    rows: ["T10", "T12"],
    name: "the private listener requires a token on loopback too",
    edits: [
      edit("src/Process/AdminToken.ts", "if (config.adminWithoutToken) return undefined", "return undefined")
    ],
    test: "e2e/Stranger.test.ts",
    title: "returns data and accepts commands only with its token"
  },
  {
    rows: ["T10"],
    name: "a sign-in link works once",
    edits: [edit("src/Process/SignInCode.ts", "    if (used.has(nonce)) return false\n", "")],
    test: "unit/Process/SignInCode.test.ts",
    title: "signs in once"
  },
  {
    rows: ["T12"],
    name: "only its owner can read the admin token",
    edits: [edit("src/Process/AdminToken.ts", "mode: 0o600", "mode: 0o644")],
    test: "unit/Process/AdminToken.test.ts",
    title: "is made at the first start, readable by its owner only, and kept"
  },
  {
    rows: ["T12"],
    name: "only their owner can read files with the broker's token",
    edits: [edit("src/Nats/Server/Folder.ts", "text, { mode: 0o600 })", "text, { mode: 0o644 })")],
    test: "integration/Nats/NatsServer.test.ts",
    title:
      "keeps its token to files of mode 0600 in a folder of mode 0700: not in its command line, nor in its log"
  },
  {
    rows: ["T12"],
    name: "the embedded broker requires its token",
    edits: [
      edit("src/Nats/Server/ServerConfig.ts", "authorization: { token: Redacted.value(options.token) },", "")
    ],
    test: "integration/Nats/NatsServer.test.ts",
    title: "accepts clients with its token and no others"
  },
  {
    rows: ["T13"],
    name: "a receiver's credential can only add events",
    edits: [
      edit(
        "test/support/NatsPermissions.ts",
        `"3qpr.events.>",\n      "3qpr.quarantine.>",`,
        `"3qpr.events.>",\n      "$JS.API.>",\n      "3qpr.quarantine.>",`
      )
    ],
    test: "e2e/RolePermissions.test.ts",
    title:
      "work with the permissions in the docs; a stolen receiver login can only add events, and others can add none"
  },
  {
    rows: ["T14"],
    name: "the broker's certificate is checked against the authority that is given",
    edits: [
      edit(
        "src/Nats/Target.ts",
        "const tlsOf = (files: TlsFiles) => ({",
        "const tlsOf = (files: TlsFiles) => ({\n  rejectUnauthorized: false,"
      )
    ],
    test: "integration/Nats/NatsCredentials.test.ts",
    title: "trusts the configured authority and no other"
  },
  {
    rows: ["T14"],
    name: "the database's certificate is checked against the authority that is given",
    edits: [
      edit(
        "src/Database/External.ts",
        "return { ...(ca && { ca }), ...(cert && { cert }), ...(key && { key }) }",
        "return { rejectUnauthorized: false, ...(ca && { ca }), ...(cert && { cert }), ...(key && { key }) }"
      )
    ],
    test: "integration/Database/DatabaseTls.test.ts",
    title: "follows sslmode, and verifies the server with the authority of sslrootcert"
  },
  {
    rows: ["T15"],
    name: "with external engines the process may not run programs or write files",
    edits: [
      edit(
        "package.json",
        "exec sh bin/node.sh --max-semi-space-size=4 --permission --allow-fs-read=. ",
        "exec sh bin/node.sh --max-semi-space-size=4 --permission --allow-child-process --allow-fs-write=* --allow-fs-read=. "
      ),
      edit(
        "deno.json",
        `"start:external": "$(which node) build.ts --program && $(which deno) run --no-prompt`,
        `"start:external": "$(which node) build.ts --program && $(which deno) run --no-prompt --allow-run --allow-write`
      )
    ],
    test: "e2e/Permissions.test.ts",
    title: "performs all tasks with external engines, and cannot run programs or write files"
  },
  {
    rows: ["T16"],
    name: "erased data is overwritten on disk",
    edits: [
      edit(
        "src/EventLog/Erase.ts",
        "deleteMessage(stream, sequence, true)",
        "deleteMessage(stream, sequence, false)"
      )
    ],
    test: "integration/Jobs/Forget.test.ts",
    title: "is removed with everything that belongs to it, and everything else is as if it had never existed"
  },
  {
    rows: ["T16"],
    name: "erased data stays erased in a new generation",
    edits: [edit("src/Projector/Rebuild/Rebuilds.ts", "yield* carryForgotten(name, generation)", "")],
    test: "integration/Jobs/Forget.test.ts",
    title: "is removed with everything that belongs to it, and everything else is as if it had never existed"
  },
  {
    rows: ["T16"],
    name: "an erased event is no longer in the account",
    edits: [
      edit(
        "src/Jobs/Erasure/ErasedRows.ts",
        "select ${name}::text, ${generation}::int, sequence / ${",
        "select ${name}::text, -1, sequence / ${"
      )
    ],
    test: "integration/Jobs/Forget.test.ts",
    title: "is removed with everything that belongs to it, and everything else is as if it had never existed"
  },
  {
    rows: ["T16"],
    name: "an entity that belongs to a code in one event belongs to it in all",
    edits: [
      edit(
        "src/Jobs/Erasure.ts",
        "for (let known = -1; known !== keys.size;) {",
        "for (let known = -1; known === -1;) {"
      )
    ],
    test: "integration/Jobs/Forget.test.ts",
    title: "is removed with everything that belongs to it, and everything else is as if it had never existed"
  },
  {
    rows: ["T16"],
    name: "a delivery under an erased id is erased again",
    edits: [
      edit("src/Jobs/Erasure/EraseAgain.ts", "yield* eraseReturned(yield* returnedOf(entries), onErased)", "")
    ],
    test: "integration/Jobs/Returned.test.ts",
    title: "is erased again, whatever its kind, when neither the broker nor the receiver knows its id"
  },
  {
    rows: ["T16"],
    name: "a receiver stores no erased event again",
    edits: [
      edit(
        "src/Ingress/Ingress.ts",
        "if (!erased.mayHave(entry.id)) return append",
        "if (erased) return append"
      )
    ],
    test: "unit/Ingress/Ingress.test.ts",
    title: "stores none of their events again, and every other event"
  },
  {
    rows: ["T16"],
    name: "a broker that has lost the hashes of erased ids gets them again",
    edits: [
      edit("src/Jobs/Erasure/PublishIds.ts", "compares && (yield* unpublishLost(manager))", "false")
    ],
    test: "integration/Jobs/Returned.test.ts",
    title: "is not stored again by a receiver that knows its id, also after the broker has lost all hashes"
  },
  {
    rows: ["T16"],
    name: "a rejected request keeps no erased body",
    edits: [
      edit(
        "src/Ingress/Rejections.ts",
        "body === undefined || this.#isErased(body)",
        "body === undefined"
      )
    ],
    test: "unit/Ingress/Rejections.test.ts",
    title: "is dropped if its id was erased, also if 3QPR never signed it or a part is missing"
  },
  {
    rows: ["T16"],
    name: "a receiver reports that the stream of erased ids is missing",
    edits: [
      edit(
        "src/EventLog/ErasedIds/Follow.ts",
        `at.created === "" && !missing.erased ? undefined : { _tag: "Missing" }`,
        "undefined"
      )
    ],
    test: "integration/EventLog/ErasedIds.test.ts",
    title: "are known while the stream was never created, and not known after it was deleted"
  },
  {
    rows: ["T16"],
    name: "a receiver looks in the record of operations while the stream of erased ids is missing",
    edits: [edit("src/EventLog/ErasedIds/Follow.ts", "erased: yield* hasErased", "erased: false")],
    test: "integration/EventLog/ErasedIds.test.ts",
    title: "are not known to a receiver that starts while the stream is missing, although an event was erased"
  },
  {
    rows: ["T16"],
    name: "dead letters of an erased entity are removed",
    edits: [
      edit(
        "src/Jobs/Erasure/Erase.ts",
        "yield* deadLetters.remove(letters)\n",
        ""
      )
    ],
    test: "integration/Jobs/Forget.test.ts",
    title: "is removed with everything that belongs to it, and everything else is as if it had never existed"
  },
  {
    rows: ["T16"],
    name: "removed rows are subtracted from their counters",
    edits: [
      edit(
        "src/Projector/Projections/Counters.ts",
        "completed ? removeCounted(sql, table, which, counted) :",
        "completed && false ? removeCounted(sql, table, which, counted) :"
      )
    ],
    test: "integration/Projector/RowRetention.test.ts",
    title: "are removed with their counters when they are too old, and a rebuild gives the same rows"
  },
  {
    rows: ["T16"],
    name: "a rebuild contains no expired rows",
    edits: [
      edit(
        "src/Projector/Rebuild/CompleteRebuild.ts",
        "yield* expire(projection, generation, before)",
        ""
      )
    ],
    test: "integration/Projector/RowRetention.test.ts",
    title: "are removed with their counters when they are too old, and a rebuild gives the same rows"
  },
  {
    rows: ["T17"],
    name: "a dependency is justified",
    edits: [edit("package.json", `"nats": "2.29.3"`, `"nats": "2.29.3",\n    "vitest": "5.1.1"`)],
    test: "unit/Readme.test.ts",
    title: "justifies every runtime dependency, and no other"
  },
  {
    rows: ["T17"],
    name: "dependencies at run time are listed by name",
    edits: [edit("package.json", `"nats": "2.29.3"`, `"nats": "2.29.3",\n    "vitest": "5.1.1"`)],
    test: "unit/Dependencies.test.ts",
    title: "is listed by name and licence, even when another package depends on it"
  },
  {
    rows: ["T18"],
    name: "a statement that calls a function without a promise to change nothing is refused",
    edits: [edit("src/Admin/Sql/Read.ts", "if (unsafe.length > 0) {", "if (unsafe.length < 0) {")],
    test: "integration/Admin/Sql.test.ts",
    title: "refuses what could change something, and says what is allowed"
  }
]
