import { edit, type Protection } from "../Protection.ts"

const answeredStored = edit(
  "src/Ingress/DeliveryHandler.ts",
  "if (Exit.isFailure(exit)) return answerUnavailable(response)",
  `if (Exit.isFailure(exit)) return answer(response, 200, { ok: true, id: null, duplicate: false })`
)

export const ingress: ReadonlyArray<Protection> = [
  {
    rows: ["promise 1"],
    name: "a delivery without proof of storage is answered 503",
    edits: [answeredStored],
    test: "integration/Ingress/PublicListener.test.ts",
    title: "answers 503 with Retry-After at once, and reports why it is not ready"
  },
  {
    rows: ["24"],
    name: "a 503 during an outage causes a retry of the delivery",
    edits: [answeredStored],
    test: "e2e/Faults/Deliveries.test.ts",
    title: "is stored in the end when the outage is shorter than 3QPR's schedule"
  },
  {
    rows: ["promise 1"],
    name: "a delivery has a deadline",
    edits: [edit("src/Ingress/DeliveryHandler.ts", "if (delivery.expires > now) continue", "continue")],
    test: "integration/Ingress/PublicListener.test.ts",
    title: "answers 503 within four seconds when the log never answers"
  },
  {
    rows: ["promise 1"],
    name: "readiness depends on the log",
    edits: [
      edit(
        "src/Ingress/Http.ts",
        `(health) => draining ? { ready: false as const, reason: "shutting down" } : health`,
        "() => ({ ready: true as const })"
      )
    ],
    test: "integration/Ingress/PublicListener.test.ts",
    title: "answers 503 with Retry-After at once, and reports why it is not ready"
  },
  {
    rows: ["7", "T5"],
    name: "the number of deliveries in flight is limited",
    edits: [
      edit(
        "src/Ingress/DeliveryHandler.ts",
        "if (this.#storing >= this.#limits.maxInFlight) {\n      ingest",
        "if (this.#storing >= Infinity) {\n      ingest"
      ),
      edit(
        "src/Ingress/DeliveryHandler.ts",
        "if (this.#storing >= this.#limits.maxInFlight) {\n      this",
        "if (this.#storing >= Infinity) {\n      this"
      )
    ],
    test: "e2e/Faults/Network.test.ts",
    title:
      "accepts no more deliveries at a time than its limit on a slow and interrupted network, and does not grow"
  },
  {
    rows: ["29"],
    name: "requests in flight are answered before the listener stops",
    edits: [edit("src/Ingress/Http.ts", "const drainTimeout = 5_000", "const drainTimeout = 0")],
    test: "integration/Ingress/PublicListener.test.ts",
    title: "answers requests in flight before it stops, and accepts no new ones"
  },
  {
    rows: ["promise 1", "T4"],
    name: "the size of a body is limited",
    edits: [
      edit("src/Ingress/DeliveryHandler.ts", "delivery.size <= this.#limits.maxBodyBytes", "true")
    ],
    test: "contract/Webhook.listener.test.ts",
    title: "answers 413 to a body over the limit, declared or streamed, and takes one at the limit"
  },
  {
    rows: ["promise 2", "T4"],
    name: "a compressed body is refused",
    edits: [
      edit(
        "src/Ingress/DeliveryHandler.ts",
        `if (encoding && encoding.toLowerCase() !== "identity") {`,
        "if (false) {"
      )
    ],
    test: "contract/Webhook.listener.test.ts",
    title: "answers 415 to a compressed body without inflating it"
  },
  {
    rows: ["promise 7", "T6"],
    name: "the public listener answers no other path",
    edits: [
      edit(
        "src/Ingress/Http.ts",
        `return answer(response, 404, { error: "not_found" })`,
        "return answer(response, 200, { ok: true })"
      )
    ],
    test: "integration/Ingress/PublicListener.test.ts",
    title: "answers 405 to other methods and 404 to other paths"
  },
  {
    rows: ["promise 2", "T1"],
    name: "a wrong signature is refused",
    edits: [
      edit("src/Ingress/Ingress.ts", "return error && { ok: false, error }", "return undefined")
    ],
    test: "unit/Ingress/Ingress.test.ts",
    title: "stores nothing that is unsigned, signed with another secret, or changed after signing"
  },
  {
    rows: ["promise 2", "T1"],
    name: "the signature is checked over the raw bytes",
    edits: [
      edit(
        "src/Ingress/Ingress.ts",
        "verify(body, signature)",
        "verify(new TextEncoder().encode(JSON.stringify(JSON.parse(new TextDecoder().decode(body)))), signature)"
      )
    ],
    test: "unit/Ingress/Ingress.test.ts",
    title: "stores a signed event under its type, byte for byte"
  },
  {
    rows: ["25"],
    name: "the form of a signature is checked before it is compared",
    edits: [
      edit("src/Signature/Verifier.ts", `if (!isWellFormed(signature)) return "invalid_signature"`, "")
    ],
    test: "unit/Signature/Signature.test.ts",
    title: "refuses a signature that is"
  },
  {
    rows: ["25"],
    name: "a repeated signature header is ambiguous",
    edits: [
      edit("src/Signature/Verifier.ts", `if (signature.includes(",")) return "ambiguous_signature"`, "")
    ],
    test: "unit/Signature/Signature.test.ts",
    title: "calls a repeated header ambiguous, even when both values are right"
  },
  {
    rows: ["31"],
    name: "every active secret is tried",
    edits: [
      edit(
        "src/Signature/Verifier.ts",
        "timingSafeEqual(expected, given) ? index : matched",
        "timingSafeEqual(expected, given) ? index : -1"
      )
    ],
    test: "e2e/Faults/Rotation.test.ts",
    title: "no request with an active secret is refused while the secret is rotated"
  },
  {
    rows: ["promise 3"],
    name: "an event id must be valid",
    edits: [edit("src/Domain/EventId.ts", String.raw`/^[\x21-\x7e]{1,200}$/`, "/^/")],
    test: "unit/Domain/Decode.test.ts",
    title: "quarantines %s"
  },
  {
    rows: ["promise 3"],
    name: "the data of a known type must match its schema",
    edits: [edit("src/Domain/Decode.ts", "|| repair(type, data)", "|| true")],
    test: "unit/Ingress/Ingress.test.ts",
    title: "keeps an event whose data is wrong in quarantine, once, and then stores its correction"
  },
  {
    rows: ["promise 3"],
    name: "signed bodies that are not events are kept",
    edits: [
      edit(
        "src/Ingress/Ingress.ts",
        "const reading = decodeDelivery(body)\n",
        `const reading = decodeDelivery(body)
      if (reading._tag === "Unusable") return Effect.succeed({ ok: false, error: "invalid_signature" })\n`
      )
    ],
    test: "unit/Ingress/Ingress.test.ts",
    title: "keeps signed garbage in quarantine under the hash of its bytes"
  },
  {
    rows: ["promise 3"],
    name: "bytes that are not UTF-8 are not converted",
    edits: [
      edit("src/Domain/Decode.ts", `new TextDecoder("utf-8", { fatal: true })`, `new TextDecoder("utf-8")`)
    ],
    test: "unit/Domain/Decode.test.ts",
    title: "quarantines bytes that are not UTF-8 instead of changing them"
  },
  {
    rows: ["promise 6"],
    name: "JSON that is nested too deeply is refused",
    edits: [edit("src/Domain/Decode.ts", "if (isTooDeep(body)) {", "if (false) {")],
    test: "unit/Domain/Decode.test.ts",
    title: "takes 500 levels of nesting and quarantines 501, not counting brackets in texts"
  },
  {
    rows: ["23"],
    name: "a different body under a known id is counted",
    edits: [edit("src/Ingress/BodyMismatch.ts", "counts.conflicts++", "")],
    test: "e2e/Faults/Conflict.test.ts",
    title:
      "is answered as a duplicate; the first body is kept, and the log reports the other without its content"
  },
  {
    rows: ["promise 7", "T8"],
    name: "requests under another Host are refused",
    edits: [
      edit(
        "src/Admin/Access/Access.ts",
        "if (!isSafeName(name, token !== undefined, options)) {",
        "if (false) {"
      )
    ],
    test: "integration/Admin/Admin.test.ts",
    title: "answers only requests with this machine's own name and from no other site"
  },
  {
    rows: ["promise 7", "T8"],
    name: "requests under a public name are refused with a token too",
    edits: [edit("src/Admin/Access/Hosts.ts", `|| !name.includes(".") ||`, "|| true ||")],
    test: "integration/Admin/AdminAccess.test.ts",
    title: "accepts host names that no public page can have, and those that are allowed"
  },
  {
    rows: ["promise 7", "T8"],
    name: "requests of another Origin are refused",
    edits: [
      edit(
        "src/Admin/Access/Access.ts",
        "if (origin !== undefined && !isOwn(origin, host, options)) {",
        "if (false) {"
      )
    ],
    test: "integration/Admin/Admin.test.ts",
    title: "answers only requests with this machine's own name and from no other site"
  },
  {
    rows: ["promise 7", "T10"],
    name: "a token is required beyond loopback",
    edits: [edit("src/Admin/Access/Access.ts", "token !== undefined || isLoopback(host) ?", "true ?")],
    test: "integration/Admin/Admin.test.ts",
    title: "does not start beyond loopback without a token"
  },
  {
    rows: ["promise 7", "T10"],
    name: "the token is checked",
    edits: [edit("src/Admin/Access/Access.ts", "[equal(given, token), ", "[true, ")],
    test: "integration/Admin/Admin.test.ts",
    title: "requires its token, if it has one, for everything except health"
  },
  {
    rows: ["promise 7", "T10"],
    name: "an operation is closed when the access check is not in front of it",
    edits: [edit("src/Admin/Access/Access.ts", "admitted ? Effect.void", "true ? Effect.void")],
    test: "unit/Admin/Authorization.test.ts",
    title: "answers behind the access check, and is closed without it"
  }
]
