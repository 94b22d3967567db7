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
    // Which of the two it is, its set-up decides.
    security: [{ token: [] }, {}],
    paths: mapValues(paths, (path: object) => mapValues(path, complete)),
    components: {
      schemas: Object.fromEntries(
        Object.entries(components.schemas).filter(([name]) => name !== "InvalidAnswerEncoded")
      ),
      securitySchemes: {
        token: { type: "http", scheme: "bearer", description: "ADMIN_TOKEN, when the listener has one" }
      }
    }
  })
})

type Schema = Readonly<Record<string, unknown>>

interface Operation {
  readonly parameters: ReadonlyArray<{ readonly in: string; readonly schema: Schema }>
  readonly requestBody?: unknown
  readonly responses: Readonly<Record<string, unknown>>
}

const complete = ({ parameters, responses, ...rest }: Operation) => {
  const canBeWrong = rest.requestBody !== undefined
    || parameters.some((parameter) => parameter.in === "query" || parameter.schema["pattern"] !== undefined)
  // 500 is a fault of ours, which nobody should count on.
  const impossible = canBeWrong ? ["500"] : ["400", "500"]
  return {
    ...rest,
    security: undefined,
    parameters: parameters.map(({ schema, ...parameter }) => ({ ...parameter, schema: typed(schema) })),
    responses: Object.fromEntries(
      Object.entries(responses).filter(([status]) => !impossible.includes(status))
    )
  }
}

/** What is a number behind its text is one for whoever makes the URL. */
const typed = (schema: Schema): Schema =>
  String(schema["pattern"]).startsWith("^[+-]?(?:\\d+") ? { type: "integer" } : schema

const mapValues = <A extends object, B>(record: A, f: (value: A[keyof A]) => B) =>
  Object.fromEntries(Object.entries(record).map(([key, value]) => [key, f(value)]))
