import { edit, type Protection } from "../Protection.ts"

const dedupId = edit("src/EventLog/Headers.ts", `["Nats-Msg-Id", entry.dedupId ?? entry.id],`, "")

export const eventLog: ReadonlyArray<Protection> = [
  {
    rows: ["promise 1", "9"],
    name: "an acknowledgement of another stream is not accepted",
    edits: [
      edit("src/EventLog/Publisher.ts", "if (ack.stream !== stream || !(ack.seq > 0)) {", "if (false) {")
    ],
    test: "integration/EventLog/JetStream.test.ts",
    title: "does not accept another stream's acknowledgement"
  },
  {
    rows: ["1"],
    name: "pending appends fail when the connection is lost",
    edits: [edit("src/EventLog/Publisher.ts", "connected || publisher.disconnected()", "connected")],
    test: "e2e/Faults/Broker.test.ts",
    title:
      "answers 503 within one second of the failure and 200 within two seconds of the return, and loses nothing"
  },
  {
    rows: ["4", "6"],
    name: "a publish without an ack times out",
    edits: [edit("src/EventLog/Publisher.ts", "if (waiting.deadline > now) continue", "continue")],
    test: "integration/EventLog/Network.test.ts",
    title: "detects a lost connection within 15 seconds, answers meanwhile, and continues after the reconnect"
  },
  {
    rows: ["4"],
    name: "an event that the broker stored late is recognized by its id",
    edits: [dedupId],
    test: "e2e/Faults/Broker.test.ts",
    title:
      "detects within 15 seconds that it is suspended; the retry of an event that was stored late is a duplicate"
  },
  {
    rows: ["6"],
    name: "an event that was stored without an answer is recognized by its id",
    edits: [dedupId],
    test: "e2e/Faults/Network.test.ts",
    title:
      "closes dead connections within 15 seconds, and neither loses nor doubles an event by pauses and resets"
  },
  {
    rows: ["21"],
    name: "concurrent deliveries of an id are stored once",
    edits: [dedupId],
    test: "e2e/Faults/Deliveries.test.ts",
    title: "that arrives a hundred times at once at three receivers is stored once and answered 200"
  },
  {
    rows: ["28"],
    name: "the retry of a disconnected sender is recognized by its id",
    edits: [dedupId],
    test: "e2e/Faults/Deliveries.test.ts",
    title: "whose sender disconnects after the body and before the answer is stored once"
  },
  {
    rows: ["3"],
    name: "the client reconnects without a limit",
    edits: [edit("src/Nats/Nats.ts", "maxReconnectAttempts: -1,", "maxReconnectAttempts: 10,")],
    test: "e2e/Faults/Broker.test.ts",
    title: "stays alive without the broker for 35 seconds, reports this, and recovers without a restart"
  },
  {
    rows: ["4", "6"],
    name: "pings detect a dead connection",
    edits: [edit("src/Nats/Nats.ts", "pingInterval: 4_000,", "pingInterval: 120_000,")],
    test: "integration/EventLog/Network.test.ts",
    title: "detects a lost connection within 15 seconds, answers meanwhile, and continues after the reconnect"
  },
  {
    rows: ["5"],
    name: "after a lost connection only a probe is pending",
    edits: [
      edit("src/EventLog/JetStream.ts", "readiness.isBack", "true")
    ],
    test: "integration/EventLog/Network.test.ts",
    title: "publishes only a probe after a lost connection, until the probe is acknowledged"
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
    title: "fails pending appends at once, answers at once, recovers, and keeps acknowledged events"
  },
  {
    rows: ["8"],
    name: "a refused publish ends readiness, with the reason",
    edits: [
      edit(
        "src/EventLog/Readiness.ts",
        `if (outcome.reason !== "too_large") this.refuse(outcome.message)`,
        ""
      )
    ],
    test: "e2e/Faults/Storage.test.ts",
    title: "answers 503 in time, names the stream's limit, and stores everything when there is space again"
  },
  {
    rows: ["8"],
    name: "an error of the broker is distinguished from an acknowledgement",
    edits: [
      edit(
        "src/EventLog/Publisher.ts",
        "if (ack.error) return failed(reasonOf(ack.error.err_code), ack.error.description)",
        ""
      )
    ],
    test: "integration/EventLog/JetStream.test.ts",
    title: "reports that the stream is full, is not ready, and stores again when there is space"
  },
  {
    rows: ["promise 1"],
    name: "a probe leaves no trace",
    edits: [edit("src/EventLog/Readiness.ts", "if (stored.value.sequence === removed) return", "return")],
    test: "contract/EventLog.jetstream.test.ts",
    title: "becomes ready, and keeps no trace of its probes"
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
    name: "a later change of a stream ends readiness",
    edits: [edit("src/EventLog/Readiness.ts", "of.flaw = flaw", "")],
    test: "e2e/Faults/Stream.test.ts",
    title: "that is created again with settings that can lose events ends readiness, with the reason"
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
