import { signal } from "@preact/signals"

/** @import { EventSummary } from "../../Admin/Api/Events.ts" */

/** Number of entries that are kept; older ones are dropped. */
export const kept = 200

/**
 * Minimum time between two updates of the feed, in milliseconds. A page that changes 200 times a second cannot be
 * read.
 */
const showEvery = 250

/** The newest entries of the log, newest first. */
export const entries = signal(/** @type {readonly EventSummary[]} */ ([]))

/** Whether the feed is paused, and how many entries have arrived since. */
export const paused = signal(false)
export const waiting = signal(0)

/** The number of entries that the listener skipped because this client read too slowly. */
export const skipped = signal(0)

let arrived = /** @type {EventSummary[]} */ ([])
let timer = /** @type {ReturnType<typeof setTimeout> | undefined} */ (undefined)

/** Adds an entry of the log. @param {EventSummary} entry */
export const add = (entry) => {
  arrived.push(entry)
  if (arrived.length > 2 * kept) arrived = arrived.slice(-kept)
  if (paused.value) waiting.value++
  else timer ??= setTimeout(show, showEvery)
}

/** Pauses the feed, or resumes it with the entries that arrived meanwhile. */
export const toggle = () => {
  paused.value = !paused.value
  if (!paused.value) show()
}

/** Replaces all entries, because the log is another one. @param {readonly EventSummary[]} newest */
export const reset = (newest) => {
  arrived = []
  waiting.value = 0
  skipped.value = 0
  entries.value = newest.slice(0, kept)
}

const show = () => {
  clearTimeout(timer)
  timer = undefined
  if (paused.value) return
  const news = arrived.toReversed()
  arrived = []
  waiting.value = 0
  if (news.length > 0) entries.value = [...news, ...entries.value].slice(0, kept)
}
