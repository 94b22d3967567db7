import { useEffect, useId, useRef } from "preact/hooks"
import { html } from "../Html.js"

/**
 * A modal dialog. Escape closes it, and the focus returns to the element that had it before.
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
      // While the dialog is open, no element outside of it can receive the focus.
      dialog?.close()
      if (before instanceof HTMLElement) before.focus()
    }
  }, [])
  return html`<dialog ref=${element} aria-labelledby=${heading} onClose=${() => open.current && onClose()}>
    <div class="dialog-body"><h2 id=${heading}>${title}</h2>${children}</div>
  </dialog>`
}
