import { Redacted } from "effect"
import type { Folder } from "./Folder.ts"

export interface ServerConfigOptions {
  readonly folder: Folder
  readonly port: number
  readonly token: Redacted.Redacted<string>
  readonly syncsBeforeAck: boolean
  /** Bytes. */
  readonly maxFileStore: number
}

/** The text of nats-server's configuration file, as JSON, which nats-server accepts. */
export const render = (options: ServerConfigOptions) =>
  JSON.stringify(
    {
      server_name: "threeqpr-events",
      host: "127.0.0.1",
      port: options.port,
      authorization: { token: Redacted.value(options.token) },
      // The largest body that this program accepts is 1 MiB. The limit also counts headers.
      max_payload: 2 * 1024 * 1024,
      log_file: options.folder.logFile,
      logfile_size_limit: 10 * 1024 * 1024,
      jetstream: {
        store_dir: options.folder.folder,
        max_file_store: options.maxFileStore,
        ...(options.syncsBeforeAck && { sync_interval: "always" })
      }
    },
    null,
    2
  )
