// Runs: node first

import { assert, describe, it } from "@effect/vitest"
import { Effect, Predicate, Schema } from "effect"
import { HttpApi, OpenApi } from "effect/http-api"
import { Api } from "../../../src/Admin/Api.ts"
import { lint } from "../../support/Contract.ts"

/** A part of the document. */
type Node = Readonly<Record<string, unknown>>

interface Parameter {
  readonly name: string
  readonly in: string
  readonly required: boolean
  readonly description?: string
  readonly example?: unknown
  readonly schema: Node
}

interface Operation {
  readonly operationId: string
  readonly parameters: ReadonlyArray<Parameter>
  readonly requestBody?: Body
  readonly responses: Readonly<Record<string, Body>>
}

interface Body {
  readonly content: Readonly<Record<string, { readonly schema: Node }>>
}

interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
  readonly components: { readonly schemas: Readonly<Record<string, Node>> }
}

const text = JSON.stringify(OpenApi.fromApi(Api))
const document: Document = JSON.parse(text)
const models = document.components.schemas
const operations = Object.values(document.paths).flatMap((methods) => Object.values(methods))
const parameters = operations.flatMap(({ operationId, parameters }) =>
  parameters.map((parameter) => ({ where: `${operationId} ${parameter.name}`, ...parameter }))
)

const entriesOf = (node: unknown): ReadonlyArray<readonly [string, unknown]> =>
  Predicate.isObject(node) || Array.isArray(node) ? Object.entries(node) : []

/** The path of every object with inline fields below a node. */
const objectsIn = (node: unknown, place: string): ReadonlyArray<string> => [
  ...Predicate.isObject(node) && "properties" in node ? [place] : [],
  ...entriesOf(node).flatMap(([name, inner]) => objectsIn(inner, `${place}/${name}`))
]

const ranges = ["minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems", "pattern", "enum"]

/** The ranges that the decoders of the parameters check. */
const demandsOf = () => {
  const demands: Array<readonly [where: string, range: string, value: unknown]> = []
  HttpApi.reflect(Api, {
    onGroup: () => {},
    onEndpoint: ({ endpoint, group }) => {
      for (const schema of [endpoint.params, endpoint.query, endpoint.headers]) {
        if (schema === undefined) continue
        const { properties } = Schema.toJsonSchemaDocument(Schema.toType(schema)).schema
        for (const [name, property] of entriesOf(properties)) {
          const where = `${group.identifier}.${endpoint.identifier} ${name}`
          for (const [range, value] of factsIn(property)) demands.push([where, range, value])
        }
      }
    }
  })
  return demands
}

const factsIn = (node: unknown): ReadonlyArray<readonly [string, unknown]> =>
  entriesOf(node).flatMap(([name, inner]) =>
    ranges.includes(name) ? [[name, inner] as const] : name === "examples" ? [] : factsIn(inner)
  )

describe("the OpenAPI document", () => {
  it.effect("passes a linter with its strictest rules", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* lint(JSON.parse(text)), [])
    }))

  it("names its models after the API's resources", () => {
    assert.includeMembers(Object.keys(models), [
      "Scan",
      "ScanPage",
      "Conversation",
      "QprCode",
      "Subscription",
      "Event",
      "EventPage",
      "DeadLetter",
      "DeadLetterPage",
      "QuarantinedEvent",
      "Operation",
      "Projection",
      "Rebuild",
      "Reconciliation",
      "Status",
      "NotFound",
      "InvalidRequest"
    ])
    assert.isEmpty(
      Object.keys(models).filter((name) => !/^[A-Z][A-Za-z]+$/.test(name) || name.endsWith("Encoded"))
    )
  })

  it("gives every object with fields a name, and defines none twice", () => {
    const nested = Object.entries(models).flatMap(([name, { properties, ...rest }]) => [
      ...objectsIn(properties, name),
      ...objectsIn(rest, name)
    ])
    assert.deepStrictEqual(nested, [])
    assert.deepStrictEqual(objectsIn(document.paths, "paths"), [])
    assert.isEmpty(Object.keys(models).filter((name) => /\d$/.test(name)))
  })

  it("has a named body for every operation", () => {
    const isNamed = (schema: Node): boolean =>
      typeof schema["$ref"] === "string"
      || Array.isArray(schema["anyOf"]) && schema["anyOf"].every(isNamed)
    for (const { operationId, requestBody, responses } of operations) {
      for (const body of [...Object.values(responses), ...requestBody === undefined ? [] : [requestBody]]) {
        for (const { schema } of Object.values(body.content)) {
          assert.isTrue(isNamed(schema), `${operationId}: ${JSON.stringify(schema)}`)
        }
      }
    }
  })

  it("describes every model, and every field that does not refer to a model", () => {
    const silent = Object.entries(models).flatMap(([name, { description, properties }]) => [
      ...description === undefined ? [name] : [],
      ...entriesOf(properties).flatMap(([field, schema]) =>
        Predicate.isObject(schema) &&
          (typeof schema["description"] === "string" || typeof schema["$ref"] === "string")
          ? []
          : [`${name}.${field}`]
      )
    ])
    assert.deepStrictEqual(silent, [])
  })

  it("describes every parameter, with an example", () => {
    assert.isAbove(parameters.length, 60)
    const silent = parameters.filter(({ description, example }) =>
      description === undefined || example === undefined
    )
    assert.deepStrictEqual(silent.map(({ where }) => where), [])
  })

  it("states the same range for each parameter as its decoder", () => {
    const demands = demandsOf()
    assert.isAbove(demands.filter(([, range]) => range === "maximum").length, 20)
    for (const [where, range, value] of demands) {
      const schema = parameters.find((parameter) => parameter.where === where)?.schema
      assert.deepStrictEqual(schema?.[range], value, `${where} ${range}`)
    }
  })

  it("states the default of every parameter that has one", () => {
    const defaults = Object.fromEntries(
      parameters.flatMap(({ schema, where }) => "default" in schema ? [[where, schema["default"]]] : [])
    )
    assert.deepInclude(defaults, {
      "scans.list limit": 50,
      "scans.list offset": 0,
      "events.list wait": 0,
      "operations.outcomes limit": 500,
      "reconciliations.list limit": 20,
      "analytics.all period": "30d"
    })
    assert.isEmpty(parameters.filter(({ name, schema }) => name === "limit" && !("default" in schema)))
  })

  it("has examples that match their own schemas", () => {
    for (const { example, schema, where } of parameters) {
      if (typeof schema["maximum"] === "number") assert.isAtMost(Number(example), schema["maximum"], where)
      if (typeof schema["minimum"] === "number") assert.isAtLeast(Number(example), schema["minimum"], where)
      if (typeof schema["pattern"] === "string") {
        assert.match(String(example), new RegExp(schema["pattern"], "u"), where)
      }
      if (Array.isArray(schema["enum"])) assert.include(schema["enum"], example, where)
    }
  })
})
