/**
 * Many clients that never finish their requests, as a separate process.
 * Usage: `crowd.ts <port> <connections> <bytes of each connection in base64>`.
 *
 * Each connection sends the bytes and waits. It is opened again as soon as it is closed. Runs until it is killed.
 */
import { Buffer } from "node:buffer"
import { connect } from "node:net"

const [port = "", connections = "", bytes = ""] = process.argv.slice(2)
const sent = Buffer.from(bytes, "base64")

const open = () => {
  const socket = connect({ port: Number(port), host: "127.0.0.1" })
  socket.on("error", () => {}).resume()
  socket.once("connect", () => void (sent.length > 0 && socket.write(sent)))
  socket.once("close", open)
}

for (let count = 0; count < Number(connections); count++) open()
