import type { Query } from "../UserConsumer/Once.ts"

/** The table in which `fence` keeps the newest token of each partition, to be created before. */
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

/** Which member's turn a change belongs to. */
export interface Turn {
  readonly partition: number
  /** Grows each time a partition changes hands. */
  readonly token: number
}

/**
 * First statement of a transaction: waits for a transaction of the same partition that is under way, and throws
 * `Fenced` when a newer owner of it has been here. So a member that stood still changes nothing once it wakes up.
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
