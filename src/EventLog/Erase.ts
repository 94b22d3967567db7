import { Effect, Option } from "effect"
import type { JetStreamManager } from "nats"
import { entryAt, reading } from "./Reader.ts"

/**
 * Removes a message of a stream permanently. The broker overwrites its bytes on disk, and its sequence stays a gap.
 * Succeeds if the message was already removed.
 */
export const erase = (manager: JetStreamManager, stream: string, sequence: number) =>
  reading(() => manager.streams.deleteMessage(stream, sequence, true)).pipe(
    Effect.catch((failure) =>
      Effect.flatMap(
        entryAt(manager, stream, sequence),
        (entry) => Option.isNone(entry) ? Effect.void : Effect.fail(failure)
      )
    ),
    Effect.asVoid
  )
