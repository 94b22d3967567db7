import { effect, signal, untracked } from "@preact/signals"
import { ask, Problem, problemOf, reach } from "../Api.js"
import { credentials, signIn, token, unauthorized } from "../Session.js"
import { messages } from "./EventStream.js"
import * as Feed from "./Feed.js"
import * as Status from "./Status.js"

/** @import { EventsAnswer } from "../../Admin/Api/Events.ts" */

/** The state of the live connection. `age` is the time since the last message, in seconds. */
export const connection = signal(
  /** @type {{ state: "connecting" | "live" | "lost", age: number, reason: string }} */ (
    { state: "connecting", age: 0, reason: "" }
  )
)

/** A status arrives every second. After this time without a message, in milliseconds, the page is stale. */
const stale = 4_000
/** After this time without a message, in milliseconds, the connection counts as lost and is aborted. */
const dead = 15_000
const waits = [500, 1_000, 2_000, 4_000, 8_000]

/** When the last message arrived, and when a message was last expected to arrive. */
let heard = performance.now()
let active = performance.now()
let position = /** @type {string | undefined} */ (undefined)
let log = ""
let failures = 0
let current = /** @type {AbortController | undefined} */ (undefined)
let wake = () => {}
let renewed = false

/** Receives entries and statuses for as long as the page is open. */
export const listen = async () => {
  setInterval(watch, 1_000)
  addEventListener("online", retry)
  document.addEventListener(
    "visibilitychange",
    () => document.hidden || connection.value.state === "live" || retry()
  )
  effect(changed)
  for (;;) {
    renewed = false
    const reason = await once().then(
      () => "The listener ended the connection.",
      (error) => error instanceof Problem ? error.message : "The connection was lost."
    )
    if (renewed) continue
    lost(reason)
    const wait = waits[Math.min(failures++, waits.length - 1)] ?? 1_000
    await new Promise((resolve) => {
      wake = () => resolve(undefined)
      // Without a token, a further attempt would be refused.
      if (signIn.value === "no") setTimeout(resolve, wait * (0.75 + Math.random() / 2))
    })
  }
}

/** Restarts the connection after a sign-in or sign-out. After a sign-out, no earlier data are kept. */
const changed = () => {
  if (token.value === "") {
    position = undefined
    Feed.reset([])
    Status.reset()
  }
  renewed = true
  connection.value = { state: "connecting", age: 0, reason: "" }
  current?.abort()
  untracked(() => signIn.value === "no" && retry())
}

/** Reconnects at once. */
export const retry = () => {
  failures = 0
  wake()
}

const once = async () => {
  current = new AbortController()
  const { signal } = current
  active = performance.now()
  if (position === undefined) await begin(signal)
  const used = token.value
  const response = await reach("/v1/live", {
    signal,
    headers: {
      ...credentials(),
      accept: "text/event-stream",
      ...position !== undefined && { "last-event-id": position }
    }
  })
  if (response.status === 401) unauthorized(used)
  if (!response.ok || response.body === null) throw await problemOf(response)
  for await (const message of messages(response.body)) take(message)
}

/** Loads the newest entries, so that the feed is not empty at first. @param {AbortSignal} signal */
const begin = async (signal) => {
  /** @type {EventsAnswer} */
  const { events, log: { created, last_sequence } } = await ask("/v1/events?limit=50", { signal })
  log = created
  position = String(events[0]?.sequence ?? last_sequence)
  Feed.reset(events)
}

/** @param {import("./EventStream.js").Message} message */
const take = ({ data, event, id }) => {
  heard = active = performance.now()
  if (id !== "") position = id
  if (connection.value.state !== "live") {
    failures = 0
    connection.value = { state: "live", age: 0, reason: "" }
  }
  if (event === "entry") Feed.add(JSON.parse(data))
  else if (event === "skipped") Feed.skipped.value += JSON.parse(data).count
  else if (event === "status") {
    const status = JSON.parse(data)
    Status.add(status)
    if (status.stream !== null && status.stream.created !== log) another()
  }
}

/** Restarts without a position: the log was replaced by another one, whose sequences begin again. */
const another = () => {
  position = undefined
  current?.abort()
}

/** @param {string} reason */
const lost = (reason) => {
  Status.gap()
  connection.value = { state: "lost", age: age(), reason }
}

const age = () => Math.floor((performance.now() - heard) / 1_000)

const watch = () => {
  const { reason, state } = connection.value
  if (performance.now() - active > dead) current?.abort()
  if (state === "live" && performance.now() - heard > stale) lost("No data has arrived for too long.")
  else if (state === "lost") connection.value = { state, age: age(), reason }
}
