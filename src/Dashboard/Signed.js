/**
 * Formats JSON with one line for each value. Numbers, escapes and repeated keys stay as they were signed. Undefined
 * when the text is not JSON.
 * @param {string} text
 */
export const indented = (text) => {
  try {
    JSON.parse(text)
  } catch {
    return undefined
  }
  let depth = 0
  let out = ""
  let before = ""
  for (const [token] of text.matchAll(/"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/g)) {
    const opens = token === "{" || token === "["
    const closes = token === "}" || token === "]"
    if (closes) depth--
    const inside = before === "{" || before === "["
    if (closes ? !inside : inside) out += line(depth)
    out += token === ":" ? ": " : token
    if (token === ",") out += line(depth)
    if (opens) depth++
    before = token
  }
  return out
}

/** @param {number} depth */
const line = (depth) => `\n${"  ".repeat(Math.min(depth, 100))}`

/** Formats bytes like `hexdump -C`; at most the first 64 KiB. @param {Uint8Array} bytes */
export const hex = (bytes) => {
  const rows = []
  for (let at = 0; at < Math.min(bytes.length, 65_536); at += 16) {
    const row = [...bytes.subarray(at, at + 16)]
    const digits = row.map((one) => one.toString(16).padStart(2, "0")).join(" ").padEnd(48)
    const text = row.map((one) => one > 31 && one < 127 ? String.fromCharCode(one) : ".").join("")
    rows.push(`${at.toString(16).padStart(8, "0")}  ${digits} ${text}`)
  }
  return rows.join("\n")
}
