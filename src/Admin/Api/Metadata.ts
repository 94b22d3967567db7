import { Schema } from "effect"

/**
 * Selects rows whose metadata has this text, number or boolean under this key. Several such parameters must all
 * match.
 */
export const metadata = Schema.Record(Schema.TemplateLiteral(["metadata.", Schema.String]), Schema.String)

/**
 * Adds a form parameter whose names begin with `metadata.`. In this way OpenAPI expresses that any number of them is
 * possible.
 */
export const withMetadata = (operation: Readonly<Record<string, unknown>>) => ({
  ...operation,
  parameters: [...Array.isArray(operation["parameters"]) ? operation["parameters"] : [], {
    name: "metadata",
    in: "query",
    required: false,
    description:
      "`metadata.<key>=<value>`: rows whose metadata has this text, number or boolean under this key.",
    style: "form",
    explode: true,
    example: { "metadata.campaign": "spring" },
    schema: {
      type: "object",
      patternProperties: { "^metadata[.]": { type: "string" } },
      additionalProperties: false
    }
  }]
})
