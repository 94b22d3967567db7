// A handler that does nothing, with the probe. Its turns of the event loop show the cost of the runtime's HTTP
// alone.
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import process from "node:process"
import "./probe.ts"

const server = createServer((request, response) => {
  request.once("data", () => request.socket.destroy())
  response.writeHead(200, { "content-type": "application/json", "content-length": 11 })
  response.end(`{"ok":true}`)
})
server.listen({ port: 0, host: "127.0.0.1" }, () => {
  process.stdout.write(`${(server.address() as AddressInfo).port}\n`)
})
// Exits when the parent process has ended.
process.stdin.resume().on("end", () => process.exit(0))
