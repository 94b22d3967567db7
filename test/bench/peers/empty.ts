/** No peer: node:http that reads the body and answers 200. What the load generator itself can reach. */
import { createServer } from "node:http"

createServer((request, response) => {
  request.resume()
  request.on("end", () => {
    response.writeHead(200, { "content-type": "application/json" })
    response.end(`{"ok":true}`)
  })
}).listen(Number(process.env["PORT"]), "127.0.0.1")
