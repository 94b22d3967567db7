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
    name: "the record of applied ids",
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
    name: "events behind a broker's lost acks change nothing again",
    edits: countedTwice,
    test: "e2e/Faults/Broker.test.ts",
    title: "changes nothing twice when it is killed right behind acks and delivers those events again"
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
    title: "change nothing twice after kills amid the acks"
  },
  {
    rows: ["12"],
    name: "the batch of an instance that stood still has no effect beside that of another",
    edits: countedTwice,
    test: "e2e/Faults/Projectors.test.ts",
    title: "are not disturbed by one that stood still for longer than ack_wait"
  },
  {
    rows: ["14"],
    name: "a batch whose commit was not heard of changes nothing again",
    edits: countedTwice,
    test: "e2e/Faults/Postgres.test.ts",
    title: "that crashes, ends sessions, or commits and cannot say so, changes nothing twice"
  },
  {
    rows: ["13"],
    name: "the sequence decides between instances that overtake each other",
    edits: [bySequence],
    test: "e2e/Faults/Projectors.test.ts",
    title: "change nothing twice and skip nothing while they become eight and then two"
  },
  {
    rows: ["promise 4"],
    name: "the sequence decides about a row",
    edits: [bySequence],
    test: "integration/Projector/Projections.test.ts",
    title: "gives the same rows and counts in whatever order, batches and repetition events come"
  },
  {
    rows: ["promise 4"],
    name: "a row that changes is taken from its old counters",
    edits: [
      edit(
        counters,
        "select -1 as sign, ${sql.literal(counted)} from before",
        "select 0 as sign, ${sql.literal(counted)} from before"
      )
    ],
    test: "integration/Projector/Projections.test.ts",
    title: "gives the same rows and counts in whatever order, batches and repetition events come"
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
    title: "gives the same rows and counts in whatever order, batches and repetition events come"
  },
  {
    rows: ["promise 4"],
    name: "a counter of nothing goes",
    edits: [edit(counters, "changed.emptied,", "[],")],
    test: "integration/Projector/Projections.test.ts",
    title: "gives the same rows and counts in whatever order, batches and repetition events come"
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
    title: "keeps a subscription as the last event in the log says, whatever the clocks and the order say"
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
    title: "applies 499 of a batch of 500 and keeps the poison one aside, with its reason and sequence"
  },
  {
    rows: ["18"],
    name: "a body is read before it gets into SQL",
    edits: [
      edit("src/Projector/Apply/BatchOutcomes.ts", `return reading._tag === "Event"\n`, "return true\n")
    ],
    test: "integration/Projector/Projector.test.ts",
    title: "dead-letters what another program wrote into the stream, and continues"
  },
  {
    rows: ["15", "promise 6"],
    name: "what the database's state did is no fault of an event",
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
    name: "a database that is away is waited for",
    edits: [
      edit(
        "src/Projector/Apply/BatchOutcomes.ts",
        "if (!isCausedByData(exit.cause)) {",
        "if (false) {"
      )
    ],
    test: "integration/Projector/Projector.test.ts",
    title: "waits, says so, dead-letters nothing, and continues when it is back"
  },
  {
    rows: ["15"],
    name: "what an operator has to put right is no fault of an event",
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
    name: "the limit on the share of dead letters",
    edits: [edit("src/Consumer/DeadLetterBreaker.ts", "if (!this.#allows()) {", "if (false) {")],
    test: "integration/Projector/Projector.test.ts",
    title: "dead-letters no more than the limit, says so, and applies the rest after the fix"
  },
  {
    rows: ["19"],
    name: "what is redriven is not limited",
    edits: [edit("src/Consumer/DeadLetterBreaker.ts", " || batch[at]?.redriven", "")],
    test: "unit/Consumer/DeadLetterBreaker.test.ts",
    title: "does not stop what is redriven"
  },
  {
    rows: ["17", "promise 5"],
    name: "new tables share no durable consumer with another database",
    edits: [edit("src/Projector/Tables.ts", "found.owner === database ? plain", "true ? plain")],
    test: "integration/Projector/Place.test.ts",
    title: "get every event each, and none deletes the durable consumer of the other"
  },
  {
    rows: ["17", "promise 4"],
    name: "a database that is behind its durable consumer reads the log again",
    edits: [edit("src/Projector/Place/Place.ts", "if (missing === 0) return", "if (missing >= 0) return")],
    test: "integration/Projector/Place.test.ts",
    title: "says how many events are missing, reads them again while others come in, and is ready then"
  },
  {
    rows: ["9", "promise 5"],
    name: "a log that ends before the rows is not applied",
    edits: [edit("src/Projector/Place/Place.ts", "if (highest > now.lastSequence) {", "if (false) {")],
    test: "integration/Projector/Place.test.ts",
    title: "is not applied, ends a verification with the reason, and is built from when that is accepted"
  },
  {
    rows: ["9", "promise 5"],
    name: "a log with other events at the same sequences is not applied",
    edits: [edit("src/Projector/Place/Place.ts", "if (strange !== undefined) {", "if (false) {")],
    test: "integration/Projector/Place.test.ts",
    title: "is not applied, ends a verification with the reason, and is built from when that is accepted"
  },
  {
    rows: ["10", "promise 4"],
    name: "a durable consumer that was edited is created again",
    edits: [
      edit("src/Projector/Place/Place.ts", "if (durable.faults.length > 0) return", "if (false) return")
    ],
    test: "integration/Projector/Place.test.ts",
    title: "is created again, and what it skipped is applied"
  }
]
