import { useEffect, useRef } from "preact/hooks"
import uPlot from "uplot"
import { html } from "../Html.js"
import { colour, isDark } from "../Theme.js"

/**
 * @typedef {{ label: string, colour: string, bars?: boolean, value: (value: number) => string }} Line
 * @typedef {{ data: (readonly (number | null)[])[], lines: readonly Line[], height: number, label: string,
 *   from?: number, until?: number, when?: (at: number) => string }} Props times in seconds
 */

/** A chart over time. Text or numbers beside it give the same information. @param {Props} props */
export const Chart = ({ data, from, height, label, lines, until, when }) => {
  const box = useRef(/** @type {HTMLDivElement | null} */ (null))
  const plot = useRef(/** @type {uPlot | undefined} */ (undefined))
  const range = useRef({ from, until })
  range.current = { from, until }
  const latest = useRef(data)
  latest.current = data
  const dark = isDark()

  useEffect(() => {
    const element = box.current
    if (!element) return
    const made = new uPlot(
      options({ lines, height, width: element.clientWidth, range, ...when && { when } }),
      /** @type {uPlot.AlignedData} */ (latest.current),
      element
    )
    plot.current = made
    const sized = new ResizeObserver(() => made.setSize({ width: element.clientWidth, height }))
    sized.observe(element)
    return () => {
      sized.disconnect()
      made.destroy()
    }
  }, [dark, lines, height, when])

  useEffect(() => plot.current?.setData(/** @type {uPlot.AlignedData} */ (data)), [data])

  return html`<figure class="chart" role="img" aria-label=${label}>
    <ul class="legend">${
    lines.map(({ colour, label }) => html`<li key=${label}><i class="key key-${colour}"></i>${label}</li>`)
  }</ul>
    <div class="plot plot-${height}" ref=${box}></div>
  </figure>`
}

/**
 * @param {{ lines: readonly Line[], height: number, width: number, when?: (at: number) => string,
 *   range: { current: { from?: number | undefined, until?: number | undefined } } }} wanted
 * @returns {uPlot.Options}
 */
const options = ({ height, lines, range, when, width }) => {
  const axis = {
    stroke: colour("muted"),
    grid: { stroke: colour("grid"), width: 1 },
    ticks: { show: false },
    font: "12px Inter, sans-serif",
    gap: 6
  }
  return {
    width,
    height,
    tzDate: (at) => uPlot.tzDate(new Date(at * 1_000), "Etc/UTC"),
    legend: { show: false },
    padding: [12, 18, 0, 0],
    cursor: { points: { size: 7 }, drag: { x: false, y: false } },
    scales: {
      x: {
        time: true,
        range: (_, least, most) => [range.current.from ?? least, range.current.until ?? most]
      },
      y: { range: (_, __, most) => [0, Math.max(4, (most ?? 0) * 1.12)] }
    },
    axes: [
      { ...axis, grid: { show: false }, size: 40, space: 76, ...dates },
      {
        ...axis,
        size: 52,
        space: 36,
        incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 2e4, 5e4, 1e5, 1e6, 1e7]
      }
    ],
    series: [
      {},
      ...lines.map(({ bars, colour: name, label }) => ({
        label,
        stroke: colour(name),
        width: bars ? 0 : 1.8,
        fill: bars ? colour(name) : name === "accent" ? colour("accent-soft") : undefined,
        points: { show: false },
        spanGaps: false,
        ...bars && uPlot.paths.bars && { paths: uPlot.paths.bars({ size: [0.72, 46], radius: 0.12 }) }
      }))
    ].map((one) => Object.fromEntries(Object.entries(one).filter(([, value]) => value !== undefined))),
    plugins: [tip(lines, when)]
  }
}

const dates = {
  values: /** @type {uPlot.Axis.Values} */ ([
    [3600 * 24 * 365, "{YYYY}", null, null, null, null, null, null, 1],
    [3600 * 24 * 28, "{MMM}", "\n{YYYY}", null, null, null, null, null, 1],
    [3600 * 24, "{D} {MMM}", null, null, null, null, null, null, 1],
    [3600, "{HH}:{mm}", "\n{D} {MMM}", null, "\n{D} {MMM}", null, null, null, 1],
    [60, "{HH}:{mm}", null, null, null, null, null, null, 1],
    [1, "{HH}:{mm}:{ss}", null, null, null, null, null, null, 1]
  ])
}

/**
 * Shows the values at the pointer.
 * @param {readonly Line[]} lines @param {((at: number) => string) | undefined} when
 */
const tip = (lines, when = (at) => new Date(at * 1_000).toISOString().slice(11, 19)) => {
  const element = document.createElement("div")
  element.className = "tip"
  element.hidden = true
  return {
    hooks: {
      init: (/** @type {uPlot} */ plot) => void plot.over.append(element),
      setCursor: (/** @type {uPlot} */ plot) => {
        const { idx, left = 0 } = plot.cursor
        const at = idx === null || idx === undefined ? undefined : plot.data[0][idx]
        element.hidden = at === undefined || left < 0
        if (at === undefined || idx === null || idx === undefined) return
        const rows = lines.map(({ label, value }, index) => {
          const y = plot.data[index + 1]?.[idx]
          return `${label}  ${y === null || y === undefined ? "–" : value(y)}`
        })
        element.textContent = [when(at), ...rows].join("\n")
        const flips = left > plot.over.clientWidth / 2
        element.style.left = flips ? "" : `${left + 14}px`
        element.style.right = flips ? `${plot.over.clientWidth - left + 14}px` : ""
      }
    }
  }
}
