// The code of a sign-in link leaves the address before anything else can read it, and stays out of the tab's history.
const takeSignInCode = () => {
  const [, code] = /^#sign-in=([\w-]+)$/.exec(location.hash) ?? []
  if (code === undefined) return false
  sessionStorage.setItem("sign-in", code)
  history.replaceState(null, "", location.pathname)
  return true
}
takeSignInCode()
// The link was opened in a tab that has the page already.
addEventListener("hashchange", () => takeSignInCode() && location.reload())

// Before the first paint, so that a theme that was chosen does not flash up in the other one.
const chosen = localStorage.getItem("theme")
if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen

// Chromium under LANG=C says `en-US@posix`, which is no language that Intl takes: uPlot would not load.
try {
  Intl.getCanonicalLocales(navigator.language)
} catch {
  Object.defineProperty(navigator, "language", { value: "en" })
}
