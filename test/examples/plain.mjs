// Reads the stream without this package, with the `nats` client only. Subjects, headers and bodies are a contract.
import { AckPolicy, connect } from "nats"
import process from "node:process"

const connection = await connect({ servers: process.env.NATS_URL, token: process.env.NATS_TOKEN })
const manager = await connection.jetstreamManager()
await manager.consumers.add("3QPR_EVENTS", {
  durable_name: "plain",
  filter_subject: "3qpr.events.scan.created",
  ack_policy: AckPolicy.Explicit
})
const consumer = await connection.jetstream().consumers.get("3QPR_EVENTS", "plain")
const messages = await consumer.consume()
process.once("SIGTERM", () => messages.close())

for await (const message of messages) {
  const cloudEvent = {
    specversion: message.headers.get("ce-specversion"),
    id: message.headers.get("ce-id"),
    type: message.headers.get("ce-type"),
    source: message.headers.get("ce-source"),
    time: message.headers.get("ce-time"),
    data: message.json().data
  }
  console.log(JSON.stringify(cloudEvent))
  message.ack()
}
await connection.drain()
