import { signal } from "@preact/signals"
import { toggle } from "./live/Feed.js"
import { go, to } from "./Route.js"

const key = "keys"

/** Whether shortcuts of a single key are on. People who control the browser by speech can turn them off. */
export const keysOn = signal(localStorage.getItem(key) !== "off")

/** Whether the help is shown. */
export const helpShown = signal(false)

/** Whether the field for an event id should receive the focus. */
export const findWanted = signal(false)

/** @param {boolean} on */
export const setKeys = (on) => {
  keysOn.value = on
  if (on) localStorage.removeItem(key)
  else localStorage.setItem(key, "off")
}

/** The shortcut of each action, which the help lists too. */
export const keys = /** @type {const} */ ([
  ["1", "Now"],
  ["2", "Over time"],
  ["3", "Work"],
  ["4", "Events"],
  ["/", "Find an event by its id"],
  ["p", "Pause or resume the live feed"],
  ["?", "Keys and help"]
])

/** @type {Readonly<Record<string, () => void>>} */
const actions = {
  "1": () => go(to(["now"])),
  "2": () => go(to(["time"])),
  "3": () => go(to(["work"])),
  "4": () => go(to(["events"])),
  "/": () => {
    go(to(["events"]))
    findWanted.value = true
  },
  p: toggle,
  "?": () => (helpShown.value = true)
}

/** Handles shortcut keys, except in text fields. */
export const watchKeys = () =>
  addEventListener("keydown", (event) => {
    const action = actions[event.key]
    const { target } = event
    const writes = target instanceof Element && target.closest("input, select, textarea, dialog")
    if (!action || !keysOn.value || writes || event.ctrlKey || event.metaKey || event.altKey) return
    event.preventDefault()
    action()
  })
