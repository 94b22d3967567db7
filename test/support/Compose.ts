import { Schema } from "effect"
import { readFileSync } from "node:fs"
import { parse } from "yaml"

/** The fields of a service in `docker-compose.yml` that also apply to processes without containers. */
export type Service = typeof Service.Type
const Service = Schema.Struct({
  image: Schema.String,
  profiles: Schema.Array(Schema.String),
  command: Schema.optionalKey(Schema.Array(Schema.String)),
  entrypoint: Schema.optionalKey(Schema.Array(Schema.String)),
  environment: Schema.optionalKey(Schema.Record(Schema.String, Schema.String)),
  depends_on: Schema.optionalKey(
    Schema.Record(Schema.String, Schema.Struct({ condition: Schema.Literal("service_healthy") }))
  ),
  healthcheck: Schema.optionalKey(Schema.Struct({ test: Schema.Array(Schema.String) })),
  ports: Schema.optionalKey(Schema.Array(Schema.String)),
  stop_grace_period: Schema.String,
  read_only: Schema.optionalKey(Schema.Boolean)
})

/** The decoded `docker-compose.yml`. */
export type Compose = typeof Compose.Type
const Compose = Schema.Struct({
  services: Schema.Record(Schema.String, Service),
  configs: Schema.Struct({ nats: Schema.Struct({ content: Schema.String }) })
})

const text = readFileSync(new URL("../../docker-compose.yml", import.meta.url), "utf8")

/** The environment variables that the file uses. */
export const variables = [...new Set([...text.matchAll(/(?<!\$)\$\{(\w+)/g)].map(([, name]) => name ?? ""))]

/** The file as Compose reads it: anchors merged, variables filled in. */
export const read = (environment: Readonly<Record<string, string>>): Compose =>
  Schema.decodeUnknownSync(Compose)(
    parse(text, (_, value) => typeof value === "string" ? interpolated(value, environment) : value, {
      merge: true
    })
  )

/** Replaces `${NAME-default}`, `${NAME:-default}` and `$$`, the only forms in the file. */
const interpolated = (content: string, environment: Readonly<Record<string, string>>) =>
  content.replaceAll(/\$(\$|\{(\w+)(:?-)([^}]*)\})/g, (_, form, name, operator, fallback) => {
    if (form === "$") return "$"
    const value = environment[name]
    return value === undefined || (operator === ":-" && value === "") ? fallback : value
  })
