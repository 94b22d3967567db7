import { computed, signal } from "@preact/signals"

const hash = signal(location.hash)

/** Where the address points: `#/work/dead-letters/scans-1:7?type=x` is these parts and parameters. */
export const route = computed(() => {
  const [path = "", search = ""] = hash.value.replace(/^#\/?/, "").split("?")
  const parts = path.split("/").filter(Boolean).map(decoded)
  return { parts, parameters: new URLSearchParams(search) }
})

/** @param {string} part */
const decoded = (part) => {
  try {
    return decodeURIComponent(part)
  } catch {
    return part
  }
}

/** A link to a place of the dashboard. @param {readonly string[]} parts @param {Record<string, string>} [parameters] */
export const to = (parts, parameters = {}) => {
  const search = new URLSearchParams(Object.entries(parameters).filter(([, value]) => value !== ""))
  return `#/${parts.map(encodeURIComponent).join("/")}${search.size > 0 ? `?${search}` : ""}`
}

/** Goes there. @param {string} link */
export const go = (link) => void (location.hash = link)

/** Goes there without a step in the history, as filters do. @param {string} link */
export const replace = (link) => {
  history.replaceState(null, "", link)
  hash.value = location.hash
}

/** Follows the address. */
export const watchRoute = () => addEventListener("hashchange", () => (hash.value = location.hash))
