// Keeps a table of scans by country up to date. Each scan counts once, however often it is delivered.
import process from "node:process"
import { DatabaseError, Pool } from "pg"
import { Consumer, subscribe } from "threeqpr-events"

const name = "countries"
const pool = new Pool({ connectionString: process.env["DATABASE_URL"] })
await pool.query(Consumer.onceTable)
await pool.query("create table if not exists scans_by_country (country text primary key, scans int not null)")

const consumer = await subscribe({
  name,
  types: ["scan.created"],
  maxBatch: 200,
  // Errors about the data (SQLSTATE classes 22 and 23) are the event's fault. All other errors are retried.
  retry: { isTransient: (error) => !(error instanceof DatabaseError && /^2[23]/.test(error.code ?? "")) },
  handleBatch: async (events) => {
    const client = await pool.connect()
    try {
      await client.query("begin")
      const fresh = await Consumer.once((sql, parameters) => client.query(sql, parameters), name, events)
      const countries = fresh.map(({ data }) => data.country ?? "unknown").sort()
      await client.query(
        `insert into scans_by_country select country, count(*) from unnest($1::text[]) as country group by 1
         on conflict (country) do update set scans = scans_by_country.scans + excluded.scans`,
        [countries]
      )
      await client.query("commit")
    } catch (error) {
      await client.query("rollback").catch(() => undefined)
      throw error
    } finally {
      client.release()
    }
  }
})
process.once("SIGTERM", () => consumer.stop())
await consumer.ended
await pool.end()
