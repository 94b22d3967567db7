import { useEffect, useRef } from "preact/hooks"
import { count } from "../Format.js"
import { html } from "../Html.js"
import { status } from "../live/Status.js"
import { route, to } from "../Route.js"
import { DeadLetters } from "./work/DeadLetters.js"
import { Operations } from "./work/Operations.js"
import { Projections } from "./work/Projections.js"
import { Quarantine } from "./work/Quarantine.js"
import { Rejections } from "./work/Rejections.js"

const tabs = [
  { path: "dead-letters", title: "Dead letters", view: DeadLetters, tally: "dead_letters" },
  { path: "quarantine", title: "Quarantine", view: Quarantine, tally: "quarantined" },
  { path: "rejected", title: "Rejected", view: Rejections },
  { path: "projections", title: "Projections", view: Projections },
  { path: "operations", title: "Operations", view: Operations }
]

/** Dead letters, quarantine and other work that needs attention, with the actions on it. */
export const Work = () => {
  const [, path, id] = route.value.parts
  const tab = tabs.find((one) => one.path === path) ?? tabs[0]
  const nav = useRef(/** @type {HTMLElement | null} */ (null))
  useEffect(() => {
    // On a phone the navigation bar is wider than the screen, so scroll to the current tab.
    const current = nav.current?.querySelector("[aria-current]")
    if (current instanceof HTMLElement && nav.current) nav.current.scrollLeft = current.offsetLeft - 60
  }, [tab?.path])
  return html`<div class="view-head">
    <h1>Work</h1>
    <nav class="subnav" aria-label="Work" ref=${nav}>
      ${
    tabs.map(({ path, tally, title }) =>
      html`<a key=${path} href=${to(["work", path])} aria-current=${path === tab?.path ? "page" : undefined}>
          ${title}${tally && html`<${Tally} of=${tally} />`}</a>`
    )
  }
    </nav>
  </div>
  ${tab && html`<${tab.view} key=${tab.path} id=${id} />`}`
}

/** @param {{ of: string }} props */
const Tally = ({ of }) => {
  const value = of === "dead_letters" ? status.value?.dead_letters : status.value?.quarantined
  return html`<span class="tally">${value === undefined || value === null ? "–" : count(value)}</span>`
}
