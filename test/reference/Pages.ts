import { Effect } from "effect"
import { readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import * as Api from "./Api.ts"
import { commands } from "./Commands.ts"
import { filled } from "./Markdown.ts"
import { metrics } from "./Metrics.ts"
import * as Permissions from "./Permissions.ts"
import { roomsPart } from "./Rooms.ts"
import { settingsTable } from "./Settings.ts"
import { viewsPart } from "./Sql.ts"

const docs = fileURLToPath(new URL("../../docs", import.meta.url))

/** The pages with generated parts: their present text, and the text with the parts generated from the code. */
export const pages = Effect.map(commands, (commands) =>
  Object.entries({
    "../ARCHITECTURE.md": { rooms: roomsPart() },
    "configuration.md": { settings: settingsTable() },
    "cli.md": { cli: commands },
    "http-api.md": { "http-api": Api.requests() },
    "observability.md": { metrics: metrics() },
    "sql.md": { "sql-views": viewsPart() },
    "security/nats-permissions.md": {
      "role-permissions": Permissions.roles(),
      "consumer-permissions": Permissions.consumers(),
      "group-permissions": Permissions.groups()
    }
  }).map(([page, parts]) => {
    const file = `${docs}/${page}`
    const present = readFileSync(file, "utf8")
    const wanted = Object.entries(parts).reduce(
      (text, [part, content]) => filled(text, part, content),
      present
    )
    return { file, page, present, wanted }
  }))
