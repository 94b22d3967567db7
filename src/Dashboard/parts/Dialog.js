import { useEffect, useId, useRef } from "preact/hooks"
import { html } from "../Html.js"

/**
 * A question that has to be answered first. Escape closes it, and the focus goes back to where it was.
 * @param {{ title: string, onClose: () => void, children?: unknown }} props
 */
export const Dialog = ({ children, onClose, title }) => {
  const element = useRef(/** @type {HTMLDialogElement | null} */ (null))
  const open = useRef(true)
  const heading = useId()
  useEffect(() => {
    const before = document.activeElement
    const dialog = element.current
    dialog?.showModal()
    return () => {
      open.current = false
      // Nothing outside of it can have the focus as long as it is open.
      dialog?.close()
      if (before instanceof HTMLElement) before.focus()
    }
  }, [])
  return html`<dialog ref=${element} aria-labelledby=${heading} onClose=${() => open.current && onClose()}>
    <div class="dialog-body"><h2 id=${heading}>${title}</h2>${children}</div>
  </dialog>`
}
