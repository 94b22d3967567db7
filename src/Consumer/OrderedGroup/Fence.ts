import type { Query } from "../UserConsumer/Once.ts"

/** The table in which `fence` stores the newest token of each partition. Create it before the first call. */
export const fenceTable = `create table if not exists consumer_fences (
  consumer text not null,
  partition int not null,
  token bigint not null,
  primary key (consumer, partition)
)`

/** Another member owns the partition, so the transaction must be rolled back. */
export class Fenced extends Error {
  override readonly name = "Fenced"
}

/** The ownership of a partition under which a change is made. */
export interface Turn {
  readonly partition: number
  /** The fencing token. It grows with each claim of the partition. */
  readonly token: number
}

/**
 * Call this as the first statement of a transaction. It waits for a running transaction of the same partition, and
 * throws `Fenced` when a newer owner has called it. So a member that was paused and replaced changes nothing when it
 * resumes.
 */
export const fence = async (query: Query, consumer: string, { partition, token }: Turn): Promise<void> => {
  const result = await query(insert, [consumer, String(partition), String(token)])
  const rows = "rows" in result ? result.rows : result
  if (rows.length === 0) {
    throw new Fenced(
      `Partition ${partition} of ${consumer} has a newer owner than the one with token ${token}.`
    )
  }
}

const insert =
  `insert into consumer_fences (consumer, partition, token) values ($1::text, $2::int, $3::bigint)
  on conflict (consumer, partition) do update set token = excluded.token
  where consumer_fences.token <= excluded.token returning token`
