import { effect, signal } from "@preact/signals"

const key = "theme"
const dark = matchMedia("(prefers-color-scheme: dark)")
const stored = localStorage.getItem(key)

/** The chosen theme; `auto` follows the system. */
export const choice = signal(
  /** @type {"auto" | "light" | "dark"} */ (stored === "light" || stored === "dark" ? stored : "auto")
)

const system = signal(dark.matches)
dark.addEventListener("change", ({ matches }) => (system.value = matches))

/** Whether the dark theme is active. */
export const isDark = () => choice.value === "auto" ? system.value : choice.value === "dark"

/** Stores the choice of a theme in this browser. @param {"auto" | "light" | "dark"} theme */
export const choose = (theme) => {
  choice.value = theme
  if (theme === "auto") localStorage.removeItem(key)
  else localStorage.setItem(key, theme)
}

effect(() => {
  const root = document.documentElement
  if (choice.value === "auto") delete root.dataset["theme"]
  else root.dataset["theme"] = choice.value
})

/** The current colour of a style variable. @param {string} name */
export const colour = (name) => {
  const probe = document.createElement("span")
  probe.style.color = `var(--${name})`
  document.body.append(probe)
  const found = getComputedStyle(probe).color
  probe.remove()
  return found
}
