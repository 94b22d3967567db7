import type { Msg } from "nats"
import { Buffer } from "node:buffer"

/**
 * Reads single values from the raw bytes of a message's header. The client's own `headers` creates about forty
 * objects for a header and keeps them as long as the message. They take a quarter of a projector's CPU time.
 */
export const headerOf = (msg: Msg): (name: string) => string => {
  const text = textOf(msg)
  return text === undefined ? (name) => msg.headers?.get(name) ?? "" : (name) => valueIn(text, name)
}

/**
 * The header as the broker sent it, read from the bytes before the body. Undefined unless the client has both in one
 * buffer. Format (NATS ADR-4): `NATS/1.0`, lines of `name:value`, an empty line.
 */
export const textOf = (msg: Msg): string | undefined => {
  if (!("size" in msg) || typeof msg.size !== "function") return undefined
  const { data, reply = "", subject } = msg
  const length = msg.size() - data.length - subject.length - reply.length
  if (!(length > 0 && length <= data.byteOffset)) return undefined
  const text = Buffer.from(data.buffer, data.byteOffset - length, length).toString()
  return text.startsWith(begin) && text.endsWith(end) ? text : undefined
}

/** The first value of this name, trimmed. Empty if there is none. */
const valueIn = (text: string, name: string): string => {
  const before = `\r\n${name}:`
  const at = text.indexOf(before)
  return at < 0 ? "" : text.slice(at + before.length, text.indexOf("\r\n", at + before.length)).trim()
}

const begin = "NATS/1.0\r\n"
const end = "\r\n\r\n"
