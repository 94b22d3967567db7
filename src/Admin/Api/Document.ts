import { OpenApi } from "effect/http-api"
import packageJson from "../../../package.json" with { type: "json" }

/** What the document says of the whole, and what is true of every operation. */
export const document = OpenApi.annotations({
  title: "threeqpr-events",
  version: packageJson.version,
  description:
    "The private listener: reads what came in, and operates on it. Errors are problems of RFC 9457.",
  license: { name: packageJson.license, identifier: packageJson.license },
  servers: [{ url: "/", description: "The listener that gives this document" }],
  transform: ({ components, paths, ...spec }) => ({
    ...spec,
    paths: mapValues(paths, (path: object) => mapValues(path, complete)),
    components: {
      ...components,
      schemas: Object.fromEntries(
        Object.entries(components.schemas).filter(([name]) => name !== "InvalidAnswerEncoded")
      )
    }
  })
})

type Schema = Readonly<Record<string, unknown>>

interface Operation {
  readonly parameters: ReadonlyArray<{ readonly schema: Schema }>
  readonly responses: Readonly<Record<string, unknown>>
}

const complete = ({ parameters, responses, ...rest }: Operation) => {
  // 500 is a fault of the server, so no client should depend on it.
  const { 500: _, ...possible } = responses
  return {
    ...rest,
    parameters: parameters.map(({ schema, ...parameter }) => ({ ...parameter, schema: typed(schema) })),
    responses: possible
  }
}

/** What is a number behind its text is one for whoever makes the URL. */
const typed = (schema: Schema): Schema =>
  String(schema["pattern"]).startsWith("^[+-]?(?:\\d+") ? { type: "integer" } : schema

const mapValues = <A extends object, B>(record: A, f: (value: A[keyof A]) => B) =>
  Object.fromEntries(Object.entries(record).map(([key, value]) => [key, f(value)]))
