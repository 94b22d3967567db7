import { computed, signal } from "@preact/signals"

const hash = signal(location.hash)

/** The parsed address: `#/work/dead-letters/scans-1:7?type=x` has these parts and parameters. */
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

/** A link to a view of the dashboard. @param {readonly string[]} parts @param {Record<string, string>} [parameters] */
export const to = (parts, parameters = {}) => {
  const search = new URLSearchParams(Object.entries(parameters).filter(([, value]) => value !== ""))
  return `#/${parts.map(encodeURIComponent).join("/")}${search.size > 0 ? `?${search}` : ""}`
}

/** Navigates to a link. @param {string} link */
export const go = (link) => void (location.hash = link)

/** Navigates to a link without a new entry in the history, for filters. @param {string} link */
export const replace = (link) => {
  history.replaceState(null, "", link)
  hash.value = location.hash
}

/** Updates the route when the address changes. */
export const watchRoute = () => addEventListener("hashchange", () => (hash.value = location.hash))
