import { edit, type Protection } from "../Protection.ts"

/** What stands against those who mean harm, beside what is in the other lists for a threat as well. */
export const threats: ReadonlyArray<Protection> = [
  {
    rows: ["T2"],
    name: "requests that proxies read in two ways are none",
    edits: [
      edit(
        "src/Process/Connections.ts",
        "maxHeaderSize: 8_192,",
        "maxHeaderSize: 8_192,\n  insecureHTTPParser: true,"
      )
    ],
    test: "integration/Ingress/PublicListener.test.ts",
    title: "answers requests that are no HTTP, too long in the head, or ambiguous, without a 500"
  },
  {
    rows: ["T4"],
    name: "a body in crumbs is read no further",
    edits: [edit("src/Ingress/Body.ts", "const toleratedParts = 1_024", "const toleratedParts = Infinity")],
    test: "integration/Ingress/PublicListener.test.ts",
    title: "refuses a body in crumbs, and reads on no further"
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
    name: "bytes behind a delivery do not replace its answer",
    edits: [edit("src/Process/Connections.ts", "if (waiting.length > 0 &&", "if (waiting.length > 9 &&")],
    test: "integration/Process/Connections.test.ts",
    title: "with a stray byte behind a delivery answers the delivery, then ends"
  },
  {
    rows: ["T5"],
    name: "a body that comes slowly counts for nothing",
    edits: [
      edit(
        "src/Ingress/DeliveryHandler.ts",
        "response: ServerResponse): void {\n    if (this.#storing >= this.#limits.maxInFlight) {",
        "response: ServerResponse): void {\n    if (this.#open.values().length >= this.#limits.maxInFlight) {"
      )
    ],
    test: "integration/Ingress/PublicListener.test.ts",
    title: "takes an event while four times its cap of bodies come slowly, and answers those 408"
  },
  {
    rows: ["T5"],
    name: "a client that sends on after its time-out is let go of",
    edits: [
      edit(
        "src/Process/Connections.ts",
        "setTimeout(() => socket.destroy(), 1_000)\n  socket.once",
        "setTimeout(() => undefined, 1_000)\n  socket.once"
      )
    ],
    test: "e2e/Abuse.test.ts",
    title: "lets go of a client that sends on after its head took too long, and nothing of it comes to others"
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
    name: "what another site's page asks without an Origin is refused",
    edits: [
      edit("src/Admin/Access/Access.ts", "if (isFromAnotherPage(headers)) {", "if (isFromAnotherPage({})) {")
    ],
    test: "integration/Admin/AdminAccess.test.ts",
    title: "takes no request from another site's page, nor under another name, by any method"
  },
  {
    rows: ["T9"],
    name: "a page runs only the script that stands in it",
    edits: [edit("src/Admin/Access/Guards.ts", `"content-security-policy": policyOf(response),`, "")],
    test: "integration/Admin/AdminAccess.test.ts",
    title: "tells browsers to run, frame and keep nothing, and on /docs only what stands there"
  },
  {
    rows: ["T11"],
    name: "who may read changes nothing",
    edits: [
      edit(
        "src/Admin/Access/Access.ts",
        "if (operates || (reads && isRead(method))) return undefined",
        "if (operates || reads) return undefined"
      )
    ],
    test: "integration/Admin/AdminAccess.test.ts",
    title: "lets a reader ask for everything and change nothing, an operator both, others neither"
  },
  {
    rows: ["T10", "T12"],
    name: "the private listener demands a token on loopback too",
    edits: [
      edit("src/Process/AdminToken.ts", "if (config.adminWithoutToken) return undefined", "return undefined")
    ],
    test: "e2e/Stranger.test.ts",
    title: "gives data and takes orders with its token only"
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
    name: "the admin token is its owner's",
    edits: [edit("src/Process/AdminToken.ts", "mode: 0o600", "mode: 0o644")],
    test: "unit/Process/AdminToken.test.ts",
    title: "is made at the first start, readable by its owner only, and kept"
  },
  {
    rows: ["T12"],
    name: "files with the broker's token are their owner's",
    edits: [edit("src/Nats/Server/Folder.ts", "text, { mode: 0o600 })", "text, { mode: 0o644 })")],
    test: "integration/Nats/NatsServer.test.ts",
    title:
      "keeps its token to files of mode 0600 in a folder of mode 0700: not in its command line, nor in its log"
  },
  {
    rows: ["T12"],
    name: "the embedded broker asks for its token",
    edits: [
      edit("src/Nats/Server/ServerConfig.ts", "authorization: { token: Redacted.value(options.token) },", "")
    ],
    test: "integration/Nats/NatsServer.test.ts",
    title: "lets in clients that have its token, and no others"
  },
  {
    rows: ["T13"],
    name: "a credential of a receiver can add events and no more",
    edits: [
      edit(
        "test/support/NatsPermissions.ts",
        `publish: ["3qpr.events.>", "3qpr.quarantine.>",`,
        `publish: ["3qpr.events.>", "$JS.API.>", "3qpr.quarantine.>",`
      )
    ],
    test: "e2e/RolePermissions.test.ts",
    title:
      "work with the rights that the docs list; a stolen one can add events and not read or delete any, another not add any"
  },
  {
    rows: ["T14"],
    name: "the broker's certificate is checked against the authority that is given",
    edits: [
      edit(
        "src/Nats/Nats.ts",
        "const tlsOf = (files: TlsFiles) => ({",
        "const tlsOf = (files: TlsFiles) => ({\n  rejectUnauthorized: false,"
      )
    ],
    test: "integration/Nats/NatsCredentials.test.ts",
    title: "trusts the authority that it is given, and no other"
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
    title: "is what sslmode says, and the server is verified by the authority that sslrootcert names"
  },
  {
    rows: ["T15"],
    name: "with engines elsewhere nothing may be run or written",
    edits: [
      edit(
        "package.json",
        "exec sh bin/node.sh --max-semi-space-size=2 --permission --allow-fs-read=. ",
        "exec sh bin/node.sh --max-semi-space-size=2 --permission --allow-child-process --allow-fs-write=* --allow-fs-read=. "
      ),
      edit(
        "deno.json",
        `"start:external": "$(which node) build.ts --program && $(which deno) run --no-prompt`,
        `"start:external": "$(which node) build.ts --program && $(which deno) run --no-prompt --allow-run --allow-write`
      )
    ],
    test: "e2e/Permissions.test.ts",
    title: "does all it has to with engines elsewhere, and can run and write nothing"
  },
  {
    rows: ["T16"],
    name: "what is forgotten is overwritten on disk",
    edits: [
      edit(
        "src/EventLog/Erase.ts",
        "deleteMessage(stream, sequence, true)",
        "deleteMessage(stream, sequence, false)"
      )
    ],
    test: "integration/Jobs/Forget.test.ts",
    title: "is gone with all that belongs to it, and everything else stays as if it had never been"
  },
  {
    rows: ["T16"],
    name: "what is forgotten stays so in a new generation",
    edits: [edit("src/Projector/Rebuild/Rebuilds.ts", "yield* carryForgotten(name, generation)", "")],
    test: "integration/Jobs/Forget.test.ts",
    title: "is gone with all that belongs to it, and everything else stays as if it had never been"
  },
  {
    rows: ["T16"],
    name: "a forgotten event is accounted for no longer",
    edits: [
      edit(
        "src/Jobs/Erasure/ErasedRows.ts",
        "select ${name}::text, ${generation}::int, sequence / ${",
        "select ${name}::text, -1, sequence / ${"
      )
    ],
    test: "integration/Jobs/Forget.test.ts",
    title: "is gone with all that belongs to it, and everything else stays as if it had never been"
  },
  {
    rows: ["T16"],
    name: "what belongs to a code in one event does so in all",
    edits: [
      edit(
        "src/Jobs/Erasure.ts",
        "for (let known = 0; known !== keys.size;) {",
        "for (let known = keys.size; known !== keys.size;) {"
      )
    ],
    test: "integration/Jobs/Forget.test.ts",
    title: "is gone with all that belongs to it, and everything else stays as if it had never been"
  },
  {
    rows: ["T16"],
    name: "what comes again under an erased id is erased again",
    edits: [edit("src/Jobs/Erasure/EraseAgain.ts", "yield* eraseReturned(yield* returnedOf(entries))", "")],
    test: "integration/Jobs/Returned.test.ts",
    title: "is erased again, whatever it is, when the broker has forgotten its ids"
  },
  {
    rows: ["T16"],
    name: "dead letters of what is forgotten go too",
    edits: [
      edit(
        "src/Jobs/Erasure/Erase.ts",
        "yield* deadLetters.remove(letters)\n",
        ""
      )
    ],
    test: "integration/Jobs/Forget.test.ts",
    title: "is gone with all that belongs to it, and everything else stays as if it had never been"
  },
  {
    rows: ["T16"],
    name: "counters go with the rows that are removed",
    edits: [
      edit(
        "src/Projector/Projections/Counters.ts",
        "completed ? removeCounted(sql, table, which, counted) :",
        "completed && false ? removeCounted(sql, table, which, counted) :"
      )
    ],
    test: "integration/Projector/RowRetention.test.ts",
    title: "go with their counters when they are too old, and a rebuild gives the same"
  },
  {
    rows: ["T16"],
    name: "a rebuild shows no rows that are too old",
    edits: [
      edit(
        "src/Projector/Rebuild/CompleteRebuild.ts",
        "for (const side of [live, generation]) yield* expire(projection, side, before)",
        ""
      )
    ],
    test: "integration/Projector/RowRetention.test.ts",
    title: "go with their counters when they are too old, and a rebuild gives the same"
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
    name: "what runs with us is known by name",
    edits: [edit("package.json", `"nats": "2.29.3"`, `"nats": "2.29.3",\n    "vitest": "5.1.1"`)],
    test: "unit/Dependencies.test.ts",
    title: "is known by name and licence, whoever brought it"
  }
]
