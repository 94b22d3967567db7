/** @typedef {{ event: string, id: string, data: string }} Message */

/** Maximum length of a message, in characters; a longer one ends the connection. */
const longest = 1_048_576

/**
 * The messages of a `text/event-stream`, as the HTML standard defines them. A comment becomes a message without data,
 * which shows that the connection is alive.
 * @param {ReadableStream<Uint8Array>} body
 * @returns {AsyncGenerator<Message>}
 */
export async function* messages(body) {
  const reader = body.getReader()
  const decoder = new TextDecoder()
  let held = ""
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (done) return
      const blocks = (held + decoder.decode(value, { stream: true })).split(/\r?\n\r?\n/)
      held = blocks.pop() ?? ""
      if (held.length > longest) throw new Error("A message of the live stream is too long.")
      for (const block of blocks) yield message(block)
    }
  } finally {
    await reader.cancel().catch(() => undefined)
  }
}

/** @param {string} block */
const message = (block) => {
  const found = { event: "message", id: "", data: "" }
  for (const line of block.split(/\r?\n/)) {
    const colon = line.indexOf(":")
    const name = colon < 0 ? line : line.slice(0, colon)
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "")
    if (name === "event") found.event = value
    else if (name === "id") found.id = value
    else if (name === "data") found.data += found.data === "" ? value : `\n${value}`
  }
  return found
}
