import { edit, type Protection } from "../Protection.ts"

export const operations: ReadonlyArray<Protection> = [
  {
    rows: ["18"],
    name: "a redrive delivers the event to its consumer and publishes nothing",
    edits: [
      edit(
        "src/Consumer/Redrives.ts",
        "const outcomes = yield* options.handle(events)",
        `const outcomes = yield* Effect.forEach(events, (event) =>
        Effect.as(log.append({ ...event, receivedAt: Date.now(), signature: "" }), { _tag: "Ack" } as Outcome))`
      )
    ],
    test: "integration/Jobs/Redrive.test.ts",
    title: "delivers the event to its consumer again, removes the dead letter and publishes nothing"
  },
  {
    rows: ["18"],
    name: "a dead letter is removed once its event is applied",
    edits: [
      edit(
        "src/Consumer/Redrives.ts",
        "const removed = Effect.as(deadLetters.remove(handled.map(({ letter }) => letter)), true)",
        "const removed = Effect.succeed(true)"
      )
    ],
    test: "integration/Jobs/Redrive.test.ts",
    title: "delivers the event to its consumer again, removes the dead letter and publishes nothing"
  },
  {
    rows: ["18"],
    name: "a redrive takes the event of the same id only",
    edits: [
      edit(
        "src/Consumer/Redrives.ts",
        "if (logged && idOf(logged) === letter.eventId) {",
        "if (logged) {"
      )
    ],
    test: "integration/Jobs/Redrive.test.ts",
    title: "uses the bytes of the dead letter when the log no longer contains the event, or contains another"
  },
  {
    rows: ["promise 3"],
    name: "the deduplication window does not drop a released entry of the quarantine",
    edits: [edit("src/Jobs/Operations/Release.ts", "dedupId: `quarantine:${entry.sequence}`,", "")],
    test: "integration/Admin/Quarantine.test.ts",
    title: "turns an entry that decodes now into an event, with its bytes, signature and time of receipt"
  },
  {
    rows: ["promise 3"],
    name: "entries that still do not decode stay in quarantine",
    edits: [edit("src/Jobs/Operations/Release.ts", `if (event._tag === "Unusable") {`, "if (false) {")],
    test: "integration/Admin/Quarantine.test.ts",
    title: "turns an entry that decodes now into an event, with its bytes, signature and time of receipt"
  },
  {
    rows: ["18"],
    name: "an operation that was recorded before an interruption is finished",
    edits: [
      edit(
        "src/Jobs/Operations/Discard.ts",
        `const discarded = outcomes.filter(({ result }) => result === "discarded")`,
        "const discarded = outcomes.filter(() => false)"
      )
    ],
    test: "integration/Jobs/Redrive.test.ts",
    title: "that was interrupted between the record and the removal removes the recorded dead letters"
  },
  {
    rows: ["18"],
    name: "a cancelled operation stops",
    edits: [
      edit("src/Jobs/Operations/Runner.ts", "if ((yield* standing)?.cancelled) break", "")
    ],
    test: "integration/Jobs/Redrive.test.ts",
    title: "keeps its rate, and sends nothing after it is cancelled"
  },
  {
    rows: ["18"],
    name: "an operation keeps to its rate",
    edits: [
      edit(
        "src/Jobs/Operations/Runner.ts",
        "yield* Effect.sleep(Math.max(0, began + at / operation.rate * 1_000 - (yield* monotonicMillis)))",
        ""
      )
    ],
    test: "integration/Jobs/Redrive.test.ts",
    title: "keeps its rate, and sends nothing after it is cancelled"
  },
  {
    rows: ["18"],
    name: "a dry run starts no operation",
    edits: [
      edit("src/Admin/DeadLetters/Begin.ts", "const begun = dry_run\n", "const begun = false\n")
    ],
    test: "integration/Jobs/Redrive.test.ts",
    title: "reports its result and changes nothing for a dry run or an empty selection"
  },
  {
    rows: ["18"],
    name: "one dead letter for a consumer and an event",
    edits: [
      edit(
        "src/EventLog/DeadLetters.ts",
        "if (before !== undefined) yield* letters.removeBefore(subject, stored.sequence)\n",
        "\n"
      )
    ],
    test: "integration/EventLog/DeadLetters.test.ts",
    title: "keeps one for a consumer and an event: the last failure, all attempts, the first time"
  },
  {
    rows: ["24"],
    name: "a scan that has a row is not missing",
    edits: [
      edit(
        "src/Jobs/Reconciliations/Missing.ts",
        "ids.filter((id) => !rows.has(id) && !appended.has(id))",
        "ids.filter((id) => !appended.has(id))"
      )
    ],
    test: "e2e/Reconcile.test.ts",
    title:
      "finds exactly the scans that no webhook delivered, repairs them once, and a late webhook changes nothing twice"
  },
  {
    rows: ["24"],
    name: "a scan whose event is a dead letter is not missing",
    edits: [
      edit(
        "src/Jobs/Reconciliations/Missing.ts",
        "missing: new Set(without.filter((id) => !dead.has(id)))",
        "missing: new Set(without)"
      )
    ],
    test: "e2e/Reconcile.test.ts",
    title:
      "finds exactly the scans that no webhook delivered, repairs them once, and a late webhook changes nothing twice"
  },
  {
    rows: ["24"],
    name: "a dry run of reconcile appends nothing",
    edits: [
      edit(
        "src/Jobs/Reconciliations/Pass.ts",
        "else if (dry_run) tally.stillMissing(scan.id)",
        ""
      )
    ],
    test: "e2e/Reconcile.test.ts",
    title:
      "finds exactly the scans that no webhook delivered, repairs them once, and a late webhook changes nothing twice"
  },
  {
    rows: ["24"],
    name: "a repeated reconciliation knows which scans it appended",
    edits: [
      edit(
        "src/Jobs/Reconciliations/Missing.ts",
        "const appended = new Set(own.map(({ scan_id }) => fromStored(scan_id)))",
        "const appended = new Set<string>()"
      )
    ],
    test: "e2e/Reconcile.test.ts",
    title: "continues after kill -9 in the next start, and appends nothing twice"
  }
]
