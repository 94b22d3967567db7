/** The anchor that GitHub gives a heading. */
export const anchorOf = (heading: string) =>
  heading.replaceAll(/[`*]/g, "").trim().toLowerCase().replaceAll(/[^\p{L}\p{N}\s_-]/gu, "").replaceAll(
    " ",
    "-"
  )

/**
 * Returns a function that gives each heading of one page its anchor. A repeated heading gets a number, as on GitHub.
 */
export const anchors = () => {
  const seen = new Map<string, number>()
  return (heading: string) => {
    const anchor = anchorOf(heading)
    const times = seen.get(anchor) ?? 0
    seen.set(anchor, times + 1)
    return times === 0 ? anchor : `${anchor}-${times}`
  }
}
