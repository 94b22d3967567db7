// Posts each conversation to another system's HTTP API. Retries when the API is busy, and sets aside what it refuses.
import process from "node:process"
import { Consumer, subscribe } from "threeqpr-events"

const consumer = await subscribe({
  name: "crm",
  types: ["conversation.completed"],
  concurrency: 4,
  retry: { delays: [1_000, 10_000, 60_000], isTransient: (error) => error instanceof TypeError },
  handle: async ({ data, id }, { signal }) => {
    const answer = await fetch(process.env["CRM_URL"] ?? "", {
      method: "POST",
      headers: { "content-type": "application/json", "idempotency-key": id },
      body: JSON.stringify(data),
      signal: AbortSignal.any([signal, AbortSignal.timeout(10_000)])
    })
    if (answer.ok) return Consumer.ack
    if (answer.status === 429 || answer.status >= 500) {
      return Consumer.retryAfter(1_000 * (Number(answer.headers.get("retry-after")) || 5))
    }
    return Consumer.deadLetter(`${answer.status}: ${await answer.text()}`)
  }
})
process.once("SIGTERM", () => consumer.stop())
await consumer.ended
