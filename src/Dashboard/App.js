import { useEffect, useRef } from "preact/hooks"
import { duration } from "./Format.js"
import { html } from "./Html.js"
import { helpShown } from "./Keys.js"
import { connection, listen, retry } from "./live/Connection.js"
import { status } from "./live/Status.js"
import { Mark } from "./parts/Badge.js"
import { route } from "./Route.js"
import { signIn } from "./Session.js"
import { Top } from "./Top.js"
import { Events } from "./views/Events.js"
import { Help } from "./views/Help.js"
import { Now } from "./views/Now.js"
import { OverTime } from "./views/OverTime.js"
import { SignIn } from "./views/SignIn.js"
import { Work } from "./views/Work.js"

const views = {
  now: { title: "Now", view: Now },
  time: { title: "Over time", view: OverTime },
  work: { title: "Work", view: Work },
  events: { title: "Events", view: Events }
}

/** The whole page. */
export const App = () => {
  useEffect(() => void listen(), [])
  const [name = "now"] = route.value.parts
  const { title, view } = name in views ? views[/** @type {keyof typeof views} */ (name)] : views.now
  const main = useRef(/** @type {HTMLElement | null} */ (null))
  const first = useRef(true)
  useEffect(() => {
    document.title = `${title} · threeqpr-events`
    // Move the focus to the start of a new view, also for screen readers, unless an element in the view has requested
    // the focus.
    if (!first.current && !main.current?.contains(document.activeElement)) {
      main.current?.focus({ preventScroll: true })
    }
    if (!first.current) scrollTo(0, 0)
    first.current = false
  }, [title])
  return html`<div class="shell">
    <a class="skip" href="#main" onClick=${(/** @type {Event} */ event) => {
    event.preventDefault()
    main.current?.focus()
  }}>Skip to the content</a>
    <${Top} view=${name in views ? name : "now"} />
    <main id="main" tabindex="-1" ref=${main} aria-label=${title}>
      ${signIn.value === "no" ? html`<${view} />` : html`<${SignIn} />`}
    </main>
    ${signIn.value === "no" && html`<${Lost} />`}
    ${helpShown.value && html`<${Help} />`}
  </div>`
}

/** Lies over the page, so that nothing moves when the data are old. */
const Lost = () => {
  const { age, reason, state } = connection.value
  if (state !== "lost") return null
  return html`<div class="lost">
    <${Mark} kind="warn" />
    <span><strong>Not connected.</strong> ${reason} ${
    status.value ? html`The data shown is <span class="age">${duration(Math.max(1, age))}</span> old.` : ""
  }</span>
    <button class="button" type="button" onClick=${retry}>Try now</button>
  </div>`
}
