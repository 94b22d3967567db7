// Keeps a list of countries up to date in a table of your own: each scan counts once, however often it comes.
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
  // What PostgreSQL says against the data themselves is the event's fault; all else is waited for.
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
