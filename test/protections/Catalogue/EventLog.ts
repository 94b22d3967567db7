import { edit, type Protection } from "../Protection.ts"

const dedupId = edit("src/EventLog/Headers.ts", `["Nats-Msg-Id", entry.dedupId ?? entry.id],`, "")

export const eventLog: ReadonlyArray<Protection> = [
  {
    rows: ["promise 1", "9"],
    name: "an ack of another stream is no proof",
    edits: [
      edit("src/EventLog/Publisher.ts", "if (ack.stream !== stream || !(ack.seq > 0)) {", "if (false) {")
    ],
    test: "integration/EventLog/JetStream.test.ts",
    title: "does not take another stream's acknowledgement for its own"
  },
  {
    rows: ["1"],
    name: "what waits for an ack fails when the connection is lost",
    edits: [edit("src/EventLog/Publisher.ts", "connected || publisher.disconnected()", "connected")],
    test: "e2e/Faults/Broker.test.ts",
    title: "answers 503 within a second of its end, 200 within two of its return, and loses nothing"
  },
  {
    rows: ["4", "6"],
    name: "a publish without an ack times out",
    edits: [edit("src/EventLog/Publisher.ts", "if (waiting.deadline > now) continue", "continue")],
    test: "integration/EventLog/Network.test.ts",
    title:
      "notices within 15 seconds that the connection is lost, answers meanwhile, and continues when it is back"
  },
  {
    rows: ["4"],
    name: "what the broker stored late is known by its id",
    edits: [dedupId],
    test: "e2e/Faults/Broker.test.ts",
    title: "notices within 15 seconds that it stands still; what it stores late is a duplicate"
  },
  {
    rows: ["6"],
    name: "what was stored and not heard of is known by its id",
    edits: [dedupId],
    test: "e2e/Faults/Network.test.ts",
    title: "gives up dead connections within 15 seconds, and loses and doubles nothing by pauses and resets"
  },
  {
    rows: ["21"],
    name: "the same id at once is stored once",
    edits: [dedupId],
    test: "e2e/Faults/Deliveries.test.ts",
    title: "that comes a hundred times at once to three receivers is stored once and answered 200"
  },
  {
    rows: ["28"],
    name: "the retry of a sender that had gone is known by its id",
    edits: [dedupId],
    test: "e2e/Faults/Deliveries.test.ts",
    title: "whose sender goes after the body and before the answer is stored once"
  },
  {
    rows: ["3"],
    name: "the connection is made again without a limit",
    edits: [edit("src/Nats/Nats.ts", "maxReconnectAttempts: -1,", "maxReconnectAttempts: 10,")],
    test: "e2e/Faults/Broker.test.ts",
    title: "lives on without it for 35 seconds, says so, and comes back by itself"
  },
  {
    rows: ["4", "6"],
    name: "pings notice a connection that is dead",
    edits: [edit("src/Nats/Nats.ts", "pingInterval: 4_000,", "pingInterval: 120_000,")],
    test: "integration/EventLog/Network.test.ts",
    title:
      "notices within 15 seconds that the connection is lost, answers meanwhile, and continues when it is back"
  },
  {
    rows: ["5"],
    name: "after a lost connection only a probe waits",
    edits: [
      edit("src/EventLog/JetStream.ts", "readiness.isBack", "true")
    ],
    test: "integration/EventLog/Network.test.ts",
    title: "publishes nothing but a probe after a lost connection, until that is acknowledged"
  },
  {
    rows: ["5"],
    name: "ready only after an acknowledged publish",
    edits: [edit("src/EventLog/Readiness.ts", `this.refuse("the broker is not connected")`, "")],
    test: "e2e/Faults/Storage.test.ts",
    title: "makes a receiver ready by an acknowledged publish, and lets no publish time out:"
  },
  {
    rows: ["3"],
    name: "not ready without a connection",
    edits: [
      edit(
        "src/EventLog/Readiness.ts",
        `if (away !== undefined) return { ready: false, reason: away }`,
        "return { ready: true }"
      )
    ],
    test: "integration/EventLog/JetStream.test.ts",
    title: "fails what waits at once, answers at once, recovers, and has kept what it acknowledged"
  },
  {
    rows: ["8"],
    name: "a refused publish turns readiness red and says why",
    edits: [
      edit(
        "src/EventLog/Readiness.ts",
        `if (outcome.reason !== "too_large") this.refuse(outcome.message)`,
        ""
      )
    ],
    test: "e2e/Faults/Storage.test.ts",
    title: "answers 503 in time, names the stream's limit, and stores all when there is room again"
  },
  {
    rows: ["8"],
    name: "an error of the broker is told from an ack",
    edits: [
      edit(
        "src/EventLog/Publisher.ts",
        "if (ack.error) return failed(reasonOf(ack.error.err_code), ack.error.description)",
        ""
      )
    ],
    test: "integration/EventLog/JetStream.test.ts",
    title: "says that the stream is full, is not ready, and stores again when there is room"
  },
  {
    rows: ["promise 1"],
    name: "nothing is kept of a probe",
    edits: [edit("src/EventLog/Readiness.ts", "if (stored.value.sequence === removed) return", "return")],
    test: "contract/EventLog.jetstream.test.ts",
    title: "becomes ready, and keeps nothing of what it did to find that out"
  },
  {
    rows: ["9"],
    name: "a stream that could lose events is refused at the start",
    edits: [
      edit(
        "src/EventLog/Topology.ts",
        "flaw === undefined ? Effect.void : Effect.fail",
        "true ? Effect.void : Effect.fail"
      )
    ],
    test: "integration/EventLog/JetStream.test.ts",
    title: "are refused, by name and reason, when they would lose events"
  },
  {
    rows: ["9"],
    name: "a stream that is changed later turns readiness red",
    edits: [edit("src/EventLog/Readiness.ts", "of.flaw = flaw", "")],
    test: "e2e/Faults/Stream.test.ts",
    title: "that is created again with settings that can lose events turns readiness red and says why"
  },
  {
    rows: ["9"],
    name: "the duplicate window covers 3QPR's schedule",
    edits: [edit("src/EventLog/Topology.ts", "window < retrySchedule\n", "false\n")],
    test: "unit/EventLog/Topology.test.ts",
    title: "is refused when it %s"
  },
  {
    rows: ["6"],
    name: "only the newest connection is read",
    edits: [edit("src/Nats/Readers.ts", "if (!isNewest()) return", "")],
    test: "unit/Nats/Readers.test.ts",
    title: "reads nothing more of a connection that was given up"
  }
]
