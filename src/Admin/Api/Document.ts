import { Predicate, Schema } from "effect"
import { HttpApi, type HttpApiGroup, OpenApi } from "effect/http-api"
import packageJson from "../../../package.json" with { type: "json" }
import { type Json, mapValues, nameOf, tidy } from "./Tidy.ts"

/** The description of the API as a whole, and the annotations that apply to every operation. */
export const documentOf = <Groups extends HttpApiGroup.Constraint>(api: HttpApi.HttpApi<string, Groups>) =>
  OpenApi.annotations({
    title: "threeqpr-events",
    version: packageJson.version,
    description:
      "The private listener: queries and operations on received events. Errors are problems as in RFC 9457.",
    license: { name: packageJson.license, identifier: packageJson.license },
    servers: [{ url: "/", description: "The listener that serves this document" }],
    transform: ({ components, paths, ...spec }) => {
      const decoded = parametersOf(api)
      return {
        ...spec,
        paths: tidy(
          mapValues(
            paths,
            (path: object) => mapValues(path, (operation: Operation) => complete(operation, decoded))
          )
        ),
        components: { ...components, schemas: tidy(modelsOf(components.schemas)) }
      }
    }
  })

interface Parameter {
  readonly name: string
  readonly schema: Json
}

interface Operation {
  readonly operationId: string
  readonly parameters: ReadonlyArray<Parameter>
  readonly responses: Json
}

/**
 * The decoded parameters of each operation, with their ranges. A query parameter is encoded as text, and its codec
 * hides the range.
 */
const parametersOf = <Groups extends HttpApiGroup.Constraint>(api: HttpApi.HttpApi<string, Groups>) => {
  const decoded = new Map<string, Json>()
  HttpApi.reflect(api, {
    onGroup: () => {},
    onEndpoint: ({ endpoint, group }) => {
      const schemas = [endpoint.params, endpoint.query, endpoint.headers].filter((one) => one !== undefined)
      decoded.set(
        `${group.identifier}.${endpoint.identifier}`,
        Object.assign({}, ...schemas.map(propertiesOf))
      )
    }
  })
  return decoded
}

const propertiesOf = (schema: Schema.Top): Json => {
  const { properties } = Schema.toJsonSchemaDocument(Schema.toType(schema)).schema
  return Predicate.isObject(properties) ? properties : {}
}

const complete = (
  { operationId, parameters, responses, ...rest }: Operation,
  decoded: ReadonlyMap<string, Json>
) => {
  // A 500 is a fault of the server. No client should depend on it.
  const { 500: _, ...possible } = responses
  return {
    ...rest,
    operationId,
    parameters: parameters.map((one) => described(one, decoded.get(operationId)?.[one.name])),
    responses: possible
  }
}

/**
 * Adds the description and example to a parameter. A parameter that decodes to a number gets the schema of that
 * number.
 */
const described = ({ schema, ...parameter }: Parameter, decoded: unknown) => {
  const number = Predicate.isObject(decoded) ? withoutNull(tidy(decoded)) : {}
  const isNumber = ["integer", "number"].includes(String(number["type"]))
  const { description, examples, ...type } = isNumber ? number : tidy(schema)
  return {
    ...parameter,
    ...(description !== undefined && { description }),
    ...(Array.isArray(examples) && { example: examples[0] }),
    schema: type
  }
}

/** Removes `null` from the schema: an optional parameter is absent, never null. */
const withoutNull = ({ anyOf, ...schema }: Json): Json => {
  const other: unknown = Array.isArray(anyOf) ? anyOf.find((one) => one.type !== "null") : undefined
  return Predicate.isObject(other) ? { ...other, ...schema } : schema
}

const modelsOf = (schemas: Readonly<Record<string, Json>>): Json =>
  Object.fromEntries(
    Object.entries(schemas).map(([name, schema]) => [nameOf(name), explained(schema)] as const)
      .filter(([name]) => name !== "InvalidAnswer")
  )

/** Descriptions of the fields of every problem. Effect's schema of a problem has none. */
const problemFields: Readonly<Record<string, string>> = {
  type: "The stable name of the problem.",
  status: "The status of the answer.",
  title: "The problem in a few words.",
  detail: "What happened, and what to do.",
  instance: "A URI of this occurrence. It is never set."
}

const explained = (schema: Json): Json => {
  const { properties } = schema
  if (
    !Predicate.isObject(properties) || !JSON.stringify(properties).includes("urn:threeqpr-events:problem:")
  ) {
    return schema
  }
  return {
    ...schema,
    description: "A problem as in RFC 9457.",
    properties: mapValues(
      properties,
      (field, name) => Predicate.isObject(field) ? { description: problemFields[name], ...field } : field
    )
  }
}
