/**
 * Peer (d): Fastify, and one INSERT into Postgres before the 200. The id is the primary key. A plain INSERT is used
 * instead of pg-boss, whose jobs are rows with additional data: it is faster, and therefore harder to beat.
 */
import Fastify from "fastify"
import { Pool } from "pg"
import { isSigned } from "./signature.js"

const pool = new Pool({ connectionString: process.env.DATABASE_URL, max: 16 })
await pool.query("create table if not exists events (id text primary key, type text not null, body bytea not null)")
const app = Fastify()
app.removeAllContentTypeParsers()
app.addContentTypeParser("*", { parseAs: "buffer" }, (_, body, done) => done(null, body))
app.post("/webhooks/3qpr", async (request, reply) => {
  if (!isSigned(request.body, request.headers["x-3qpr-signature"])) {
    return reply.code(400).send({ error: "invalid_signature" })
  }
  const event = JSON.parse(request.body.toString())
  const { rowCount } = await pool.query({
    name: "insert",
    text: "insert into events (id, type, body) values ($1, $2, $3) on conflict do nothing",
    values: [event.id, event.event, request.body]
  })
  return { ok: true, id: event.id, duplicate: rowCount === 0 }
})
app.get("/count", async () => (await pool.query("select count(*) from events")).rows[0].count)
await app.listen({ port: Number(process.env.PORT), host: "127.0.0.1" })
