import { count } from "./Format.js"
import { html } from "./Html.js"
import { helpShown } from "./Keys.js"
import { connection } from "./live/Connection.js"
import { status } from "./live/Status.js"
import { Mark } from "./parts/Badge.js"
import { Icon } from "./parts/Icon.js"
import { to } from "./Route.js"
import { signIn, token, useToken } from "./Session.js"
import { choice, choose } from "./Theme.js"

const tabs = [["now", "Now"], ["time", "Over time"], ["work", "Work"], ["events", "Events"]]

/** The bar above every view. @param {{ view: string }} props */
export const Top = ({ view }) =>
  html`<header class="top">
    <div class="top-row">
      <a class="brand" href=${to(["now"])}><${Logo} />threeqpr-events</a>
      <nav class="nav" aria-label="Views">
        ${
    tabs.map(([key = "", title]) =>
      html`<a key=${key} href=${to([key])} aria-current=${key === view ? "page" : undefined}>
            ${title}${key === "work" && html`<${Tally} />`}
          </a>`
    )
  }
      </nav>
      <div class="tools"><${Pulse} /><${ThemeButton} />
        <button class="button quiet icon" type="button" title="Keys and help (?)" aria-label="Keys and help"
          onClick=${() => (helpShown.value = true)}><${Icon} name="help" /></button>
        ${
    token.value && html`<button class="button quiet icon" type="button" title="Sign out" aria-label="Sign out"
          onClick=${() => useToken("")}><${Icon} name="leave" /></button>`
  }
      </div>
    </div>
  </header>`

/** The number of dead letters. */
const Tally = () => {
  const letters = status.value?.dead_letters ?? 0
  if (letters === 0) return null
  return html`<span class="tally bad" title="Dead letters">${
    count(letters)
  }<span class="visually-hidden"> dead letters</span></span>`
}

const pulses = {
  connecting: /** @type {const} */ (["idle", "Connecting"]),
  live: /** @type {const} */ (["ok", "Live"]),
  lost: /** @type {const} */ (["warn", "Not connected"])
}

const Pulse = () => {
  const [kind, text] = signIn.value === "no"
    ? pulses[connection.value.state]
    : /** @type {const} */ (["idle", "Signed out"])
  return html`<span class="pulse" role="status"><${Mark} kind=${kind} /><span class="said">${text}</span></span>`
}

const themes = {
  auto: /** @type {const} */ ({ next: "light", icon: "auto", says: "Theme: as the system" }),
  light: /** @type {const} */ ({ next: "dark", icon: "sun", says: "Theme: light" }),
  dark: /** @type {const} */ ({ next: "auto", icon: "moon", says: "Theme: dark" })
}

const ThemeButton = () => {
  const { icon, next, says } = themes[choice.value]
  return html`<button class="button quiet icon" type="button" title=${says} aria-label=${says}
    onClick=${() => choose(next)}><${Icon} name=${icon} /></button>`
}

const Logo = () =>
  html`<svg viewBox="0 0 32 32" aria-hidden="true">
    <rect width="32" height="32" rx="8" fill="#3451d1" />
    <path fill="#fff" d="M8.5 7h4A1.5 1.5 0 0 1 14 8.5v4a1.5 1.5 0 0 1-1.5 1.5h-4A1.5 1.5 0 0 1 7 12.5v-4A1.5 1.5 0 0 1 8.5 7zm11 0h4A1.5 1.5 0 0 1 25 8.5v4a1.5 1.5 0 0 1-1.5 1.5h-4a1.5 1.5 0 0 1-1.5-1.5v-4A1.5 1.5 0 0 1 19.5 7zm-11 11h4a1.5 1.5 0 0 1 1.5 1.5v4a1.5 1.5 0 0 1-1.5 1.5h-4A1.5 1.5 0 0 1 7 23.5v-4A1.5 1.5 0 0 1 8.5 18z" />
    <path fill="none" stroke="#9fb4ff" stroke-width="2" stroke-linecap="round" stroke-linejoin="round" d="M17.5 22h3l1.8-4 2.2 7" />
  </svg>`
