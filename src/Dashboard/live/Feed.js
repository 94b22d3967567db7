import { signal } from "@preact/signals"

/** @import { EventSummary } from "../../Admin/Api/Events.ts" */

/** How many entries are kept; older ones go. */
export const kept = 200

/** How often what came is shown, in milliseconds: a page that changes 200 times a second cannot be read. */
const showEvery = 250

/** The newest entries of the log, newest first. */
export const entries = signal(/** @type {readonly EventSummary[]} */ ([]))

/** Whether the feed stands still, and how many entries came since. */
export const paused = signal(false)
export const waiting = signal(0)

/** Entries that were not given to us because they came faster than we took them. */
export const skipped = signal(0)

let arrived = /** @type {EventSummary[]} */ ([])
let timer = /** @type {ReturnType<typeof setTimeout> | undefined} */ (undefined)

/** One more entry of the log. @param {EventSummary} entry */
export const add = (entry) => {
  arrived.push(entry)
  if (arrived.length > 2 * kept) arrived = arrived.slice(-kept)
  if (paused.value) waiting.value++
  else timer ??= setTimeout(show, showEvery)
}

/** Pauses, or continues with the entries that arrived meanwhile. */
export const toggle = () => {
  paused.value = !paused.value
  if (!paused.value) show()
}

/** Starts again, because the log is another one. @param {readonly EventSummary[]} newest */
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
