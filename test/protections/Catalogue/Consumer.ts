import { edit, type Protection } from "../Protection.ts"

const silence = edit("src/Consumer/Pull.ts", "if (this.#nats.isConnected()) this.#options.onMissing()", "")

export const consumer: ReadonlyArray<Protection> = [
  {
    rows: ["10"],
    name: "a deleted durable consumer is created again",
    edits: [
      edit(
        "src/Consumer/Pull.ts",
        `if (code === 503 || (code === 409 && description.includes("deleted"))) return this.#options.onMissing()`,
        ""
      ),
      silence
    ],
    test: "integration/Projector/Projector.test.ts",
    title: "creates its durable consumer again when it was deleted, and changes nothing twice"
  },
  {
    rows: ["10"],
    name: "a durable consumer that the broker does not report is created again",
    edits: [silence],
    test: "integration/EventLog/Network.test.ts",
    title: "is created again when it was deleted and the broker does not report it"
  },
  {
    rows: ["3"],
    name: "a consumer pulls again after a reconnect",
    edits: [
      edit(
        "src/Consumer/Durable.ts",
        "yield* nats.onChange((connected) => void (connected && pull.restart()))",
        ""
      ),
      edit(
        "src/Consumer/Pull.ts",
        "if (this.#requested > 0 && performance.now() > this.#overdue) {",
        "if (false) {"
      )
    ],
    test: "integration/Projector/Projector.test.ts",
    title: "continues when the broker is back, and changes nothing twice"
  },
  {
    rows: ["11"],
    name: "an event is acknowledged after the commit",
    edits: [
      edit(
        "src/Consumer/Consumer.ts",
        "const outcomes = yield* options.handle(batch)\n",
        "for (const message of messages) message.ack()\n      const outcomes = yield* options.handle(batch)\n"
      )
    ],
    test: "e2e/Faults/Projectors.test.ts",
    title: "lose nothing to a kill before the commit; another instance takes over within 11 seconds"
  },
  {
    rows: ["11"],
    name: "events of a killed instance are soon delivered to another",
    edits: [
      edit("src/Consumer/Consumer.ts", "export const ackWait = 10_000", "export const ackWait = 25_000")
    ],
    test: "e2e/Faults/Projectors.test.ts",
    title: "lose nothing to a kill before the commit; another instance takes over within 11 seconds"
  },
  {
    rows: ["20"],
    name: "a consumer holds a bounded number of events",
    edits: [edit("src/Projector/ProjectGeneration.ts", "waiting: largest,", "waiting: 20 * largest,")],
    test: "e2e/Faults/Load.test.ts",
    title: "a suspended consumer keeps little in memory, shows its lag, and slows no receiver"
  },
  {
    rows: ["18"],
    name: "a poison event is stored as a dead letter before the consumer gives it up",
    edits: [
      edit(
        "src/Consumer/PutLetter.ts",
        "Effect.as(deadLetters.put(consumer, event, error), true).pipe(",
        "Effect.succeed(true).pipe("
      )
    ],
    test: "integration/Projector/Projector.test.ts",
    title: "applies 499 of a batch of 500 and dead-letters the poison event, with its reason and sequence"
  },
  {
    rows: ["10"],
    name: "a durable consumer that was not wanted is created again when it is wanted",
    edits: [
      edit(
        "src/Consumer/Recreation.ts",
        "recreating = false\n        if (there !== undefined) created(there)",
        "if (there === undefined) return\n        recreating = false\n        created(there)"
      )
    ],
    test: "integration/Consumer/Pull.test.ts",
    title: "is created again once it is wanted again"
  },
  {
    rows: ["promise 9"],
    name: "a position in the log that cannot be read for a time makes the process not ready",
    edits: [
      edit(
        "src/Projector/Place/Keep.ts",
        "const isFault = !before.runs || now - state.unreadableSince >= unreadablePatience",
        "const isFault = !before.runs"
      )
    ],
    test: "integration/Projector/Place.test.ts",
    title: "a position in the log that cannot be read for a time"
  },
  {
    rows: ["29"],
    name: "a member of a group that can release nothing stops at once",
    edits: [
      edit(
        "src/Consumer/OrderedGroup/GroupFaults.ts",
        "this.#store = message\n    this.#halt()",
        "this.#store = message"
      ),
      edit(
        "src/Consumer/OrderedGroup/GroupRuntime.ts",
        "!member.hasToRelease || isClosed() || (faults.failures > 0 && !member.isValid(clock.now()))",
        "member.owned.size === 0 || isClosed()"
      )
    ],
    test: "integration/Consumer/OrderedGroup.test.ts",
    title:
      "handles no event after the bucket of all groups is deleted or created again, reports why, and stops"
  }
]
