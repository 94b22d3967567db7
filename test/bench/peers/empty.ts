/** No peer: node:http that reads the body and answers 200. It shows the limit of the load generator itself. */
import { createServer } from "node:http"

createServer((request, response) => {
  request.resume()
  request.on("end", () => {
    response.writeHead(200, { "content-type": "application/json" })
    response.end(`{"ok":true}`)
  })
}).listen(Number(process.env["PORT"]), "127.0.0.1")
