// Before the first paint, so that a theme that was chosen does not flash up in the other one.
const chosen = localStorage.getItem("theme")
if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen

// Chromium under LANG=C says `en-US@posix`, which is no language that Intl takes: uPlot would not load.
try {
  Intl.getCanonicalLocales(navigator.language)
} catch {
  Object.defineProperty(navigator, "language", { value: "en" })
}
