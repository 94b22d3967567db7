// Remove the code of a sign-in link from the address before other code can read it. It also stays out of the tab's
// history.
const takeSignInCode = () => {
  const [, code] = /^#sign-in=([\w-]+)$/.exec(location.hash) ?? []
  if (code === undefined) return false
  sessionStorage.setItem("sign-in", code)
  history.replaceState(null, "", location.pathname)
  return true
}
takeSignInCode()
// The link may be opened in a tab that already shows the page.
addEventListener("hashchange", () => takeSignInCode() && location.reload())

// Set the chosen theme before the first paint, so that the other theme does not flash.
const chosen = localStorage.getItem("theme")
if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen

// Chromium under LANG=C reports `en-US@posix`, which `Intl` refuses as a language. uPlot would not load.
try {
  Intl.getCanonicalLocales(navigator.language)
} catch {
  Object.defineProperty(navigator, "language", { value: "en" })
}
