import { edit, type Protection } from "../Protection.ts"

const withoutIds = edit(
  "src/Projector/Apply/Batch.ts",
  "recorded.flatMap((id) => candidates.get(id) ?? [])",
  "[...candidates.values()]"
)

const counters = "src/Projector/Projections/Counters.ts"

/** An id that was applied is applied once more, and counted, even though its row is there. */
const countedTwice = [
  withoutIds,
  edit(counters, "insert into ${into} (id,", "insert into ${into} as there (id,"),
  edit(
    counters,
    "on conflict (id) do nothing",
    "on conflict (id) do update set event_id = excluded.event_id where there.event_id = excluded.event_id"
  )
]

const bySequence = edit(counters, " and input.sequence > before.sequence", "")

export const projector: ReadonlyArray<Protection> = [
  {
    rows: ["promise 4", "22"],
    name: "applied ids are recorded",
    edits: [withoutIds],
    test: "integration/Projector/Projections.test.ts",
    title: "an event changes its read model once, in one batch, in later batches, and after newer events"
  },
  {
    rows: ["22", "T3"],
    name: "an id that is replayed after the window is recognised",
    edits: [withoutIds],
    test: "e2e/Faults/Deliveries.test.ts",
    title: "that is replayed after the dedup window is stored again, never applied again, and counted"
  },
  {
    rows: ["22"],
    name: "a replayed event is accounted for",
    edits: [
      edit(
        "src/Projector/Apply/Batch.ts",
        "yield* recordRepeated(projection, generation, events)",
        ""
      )
    ],
    test: "e2e/Faults/Deliveries.test.ts",
    title: "that is replayed after the dedup window is stored again, never applied again, and counted"
  },
  {
    rows: ["2"],
    name: "events whose acks the broker lost change nothing again",
    edits: countedTwice,
    test: "e2e/Faults/Broker.test.ts",
    title: "changes nothing twice when it is killed directly after acks and redelivers those events"
  },
  {
    rows: ["11"],
    name: "a batch that was committed and not acknowledged changes nothing again",
    edits: countedTwice,
    test: "e2e/Faults/Projectors.test.ts",
    title: "change nothing twice after a kill between the commit and the acks"
  },
  {
    rows: ["11"],
    name: "a batch that was acknowledged in part changes nothing again",
    edits: countedTwice,
    test: "e2e/Faults/Projectors.test.ts",
    title: "change nothing twice after kills during the acks"
  },
  {
    rows: ["12"],
    name: "the batch of a suspended instance has no effect beside that of another",
    edits: countedTwice,
    test: "e2e/Faults/Projectors.test.ts",
    title: "are not disturbed by one that was suspended for longer than ack_wait"
  },
  {
    rows: ["14"],
    name: "a batch whose commit was not confirmed changes nothing again",
    edits: countedTwice,
    test: "e2e/Faults/Postgres.test.ts",
    title: "that crashes, ends sessions, or commits without an answer changes nothing twice"
  },
  {
    rows: ["13"],
    name: "the sequence decides between instances that overtake each other",
    edits: [bySequence],
    test: "e2e/Faults/Projectors.test.ts",
    title: "change nothing twice and skip nothing while their number grows to eight and falls to two"
  },
  {
    rows: ["promise 4"],
    name: "the sequence decides about a row",
    edits: [bySequence],
    test: "integration/Projector/Projections.test.ts",
    title: "gives the same rows and counts for any order, batches and repetition of events"
  },
  {
    rows: ["promise 4"],
    name: "a changed row is subtracted from its old counters",
    edits: [
      edit(
        counters,
        "select -1 as sign, ${sql.literal(counted)} from before",
        "select 0 as sign, ${sql.literal(counted)} from before"
      )
    ],
    test: "integration/Projector/Projections.test.ts",
    title: "gives the same rows and counts for any order, batches and repetition of events"
  },
  {
    rows: ["promise 4"],
    name: "only new rows are counted as new",
    edits: [
      edit(
        counters,
        "moved as (select 1 as sign, ${sql.literal(counted)} from inserted)",
        "moved as (select 1 as sign, ${sql.literal(counted)} from input)"
      )
    ],
    test: "integration/Projector/Projections.test.ts",
    title: "gives the same rows and counts for any order, batches and repetition of events"
  },
  {
    rows: ["promise 4"],
    name: "a counter of zero is removed",
    edits: [edit(counters, "changed.emptied,", "[],")],
    test: "integration/Projector/Projections.test.ts",
    title: "gives the same rows and counts for any order, batches and repetition of events"
  },
  {
    rows: ["promise 4"],
    name: "the sequence decides about a subscription",
    edits: [
      edit(
        "src/Projector/Projections/Subscriptions.ts",
        "where excluded.sequence > subscription.sequence",
        ""
      )
    ],
    test: "integration/Projector/Projections.test.ts",
    title: "keeps the subscription of the last event in the log, whatever the clocks and the order"
  },
  {
    rows: ["11"],
    name: "ids and rows are written in one transaction",
    edits: [
      edit(
        "src/Projector/Apply/Batch.ts",
        "yield* sql.withTransaction(Effect.gen(function*() {",
        "yield* Effect.asVoid(Effect.gen(function*() {"
      )
    ],
    test: "e2e/Faults/Projectors.test.ts",
    title: "lose nothing to a kill before the commit; another instance takes over within 11 seconds"
  },
  {
    rows: ["18", "promise 6"],
    name: "a batch that fails is halved until the poison event stands alone",
    edits: [
      edit(
        "src/Consumer/Bisect.ts",
        "if (batch.length <= 1) return Effect.forEach(batch, fault)",
        "return Effect.forEach(batch, fault)"
      )
    ],
    test: "integration/Projector/Projector.test.ts",
    title: "applies 499 of a batch of 500 and dead-letters the poison event, with its reason and sequence"
  },
  {
    rows: ["18"],
    name: "a body is decoded before it is used in SQL",
    edits: [
      edit("src/Projector/Apply/BatchOutcomes.ts", `return reading._tag === "Event"\n`, "return true\n")
    ],
    test: "integration/Projector/Projector.test.ts",
    title: "dead-letters unusable messages of another program, and continues"
  },
  {
    rows: ["15", "promise 6"],
    name: "a failure caused by the database's state is not attributed to an event",
    edits: [
      edit(
        "src/Projector/Apply/BatchOutcomes.ts",
        "if (!isCausedByData(exit.cause)) {",
        "if (false) {"
      )
    ],
    test: "e2e/Faults/Postgres.test.ts",
    title: "that is slow, locked, full or read-only delays rows, and neither deliveries nor dead letters"
  },
  {
    rows: ["14", "promise 6"],
    name: "a projector waits for an unreachable database",
    edits: [
      edit(
        "src/Projector/Apply/BatchOutcomes.ts",
        "if (!isCausedByData(exit.cause)) {",
        "if (false) {"
      )
    ],
    test: "integration/Projector/Projector.test.ts",
    title: "waits, reports this, dead-letters nothing, and continues when the database is back"
  },
  {
    rows: ["15"],
    name: "an error that an operator must fix is not attributed to an event",
    edits: [
      edit(
        "src/Projector/Apply/BatchOutcomes.ts",
        "if (!isCausedByData(exit.cause)) {",
        "if (false) {"
      )
    ],
    test: "integration/Projector/Projector.test.ts",
    title: "waits, dead-lettering nothing, while a table is missing"
  },
  {
    rows: ["19"],
    name: "the share of dead letters is limited",
    edits: [
      edit("src/Consumer/DeadLetterBreaker.ts", "if (!isCounted && !this.#allows()) {", "if (false) {")
    ],
    test: "integration/Projector/Projector.test.ts",
    title: "dead-letters no more than the limit, reports this, and applies the rest after the fix"
  },
  {
    rows: ["19"],
    name: "redriven events are not limited",
    edits: [edit("src/Consumer/DeadLetterBreaker.ts", " || event.redriven", "")],
    test: "unit/Consumer/DeadLetterBreaker.test.ts",
    title: "does not stop what is redriven"
  },
  {
    rows: ["19"],
    name: "the limit counts an event once, however often it is delivered",
    edits: [
      edit(
        "src/Consumer/DeadLetterBreaker.ts",
        "    this.#remove(sequence)\n    this.#settled.set",
        "    this.#settled.set"
      )
    ],
    test: "unit/Consumer/DeadLetterBreaker.test.ts",
    title: "counts a dead letter that the broker delivers again once"
  },
  {
    rows: ["17", "promise 5"],
    name: "new tables share no durable consumer with another database",
    edits: [edit("src/Projector/Tables.ts", "found.owner === database ? plain", "true ? plain")],
    test: "integration/Projector/Place.test.ts",
    title: "each get every event, and neither deletes the durable consumer of the other"
  },
  {
    rows: ["17", "promise 4"],
    name: "a database that is behind its durable consumer reads the log again",
    edits: [edit("src/Projector/Place/Place.ts", "if (missing === 0) return", "if (missing >= 0) return")],
    test: "integration/Projector/Place.test.ts",
    title: "reports the number of missing events, reads them again while new ones arrive, and becomes ready"
  },
  {
    rows: ["9", "promise 5"],
    name: "a log that ends before the rows is not applied",
    edits: [edit("src/Projector/Place/Place.ts", "if (highest > now.lastSequence) {", "if (false) {")],
    test: "integration/Projector/Place.test.ts",
    title:
      "is not applied, ends a verification with the reason, and is used for a rebuild once it is accepted"
  },
  {
    rows: ["9", "promise 5"],
    name: "a log with other events at the same sequences is not applied",
    edits: [edit("src/Projector/Place/Place.ts", "if (strange !== undefined) {", "if (false) {")],
    test: "integration/Projector/Place.test.ts",
    title:
      "is not applied, ends a verification with the reason, and is used for a rebuild once it is accepted"
  },
  {
    rows: ["10", "promise 4"],
    name: "a durable consumer that was edited is created again",
    edits: [
      edit("src/Projector/Place/Place.ts", "if (durable.faults.length > 0) return", "if (false) return")
    ],
    test: "integration/Projector/Place.test.ts",
    title: "is created again, and the events that it skipped are applied"
  }
]
