import { Context, Effect, Layer, SchemaAST, type SchemaIssue, type Types } from "effect"
import { HttpServerRequest } from "effect/http"
import { HttpApiError } from "effect/http-api"
import { faultsOf } from "../Domain/SchemaFaults.ts"
import { nearestOf } from "../Process/Nearest.ts"
import { InvalidAnswer, InvalidRequest } from "./Api/Problems.ts"
import { AnyText } from "./Api/Query.ts"
import { Validation } from "./Api/Validation.ts"

/** Answers a request that does not match the contract with a problem that names what is wrong. */
export const layer = Layer.succeed(
  Validation,
  (answer, { endpoint }) =>
    Effect.andThen(
      Effect.andThen(
        Context.get(endpoint.annotations, AnyText) ? Effect.void : onlyStorable,
        endpoint.query === undefined ? noParameters : Effect.void
      ),
      Effect.catch(
        answer,
        (error): Effect.Effect<never, Types.unhandled | InvalidAnswer | InvalidRequest> =>
          HttpApiError.HttpApiSchemaError.is(error) ? refuse(error) : Effect.fail(error)
      )
    )
)

/**
 * Refuses text that Postgres cannot store unchanged: U+0000, and half of a surrogate pair. A URL can only hold the
 * first. JSON escapes both, so most bodies need no further check.
 */
const onlyStorable = Effect.gen(function*() {
  const request = yield* HttpServerRequest.HttpServerRequest
  if (request.url.includes("%00")) return yield* unstorable(["url"])
  if (request.method === "GET" || request.method === "HEAD") return
  const text = yield* Effect.orElseSucceed(request.text, () => "")
  const places = /\\u(0000|d[89a-f])/i.test(text) ? unstorableIn(parsed(text), ["payload"]) : []
  if (places.length > 0) return yield* unstorable(...places)
})

const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

type Path = ReadonlyArray<string>

const unstorableIn = (value: unknown, path: Path): ReadonlyArray<Path> =>
  typeof value === "string"
    ? value.includes("\0") || !value.isWellFormed() ? [path] : []
    : typeof value === "object" && value !== null
    ? Object.entries(value).flatMap(([name, inner]) => [
      ...unstorableIn(name, path),
      ...unstorableIn(inner, [...path, name])
    ])
    : []

const unstorable = (...places: ReadonlyArray<Path>) =>
  Effect.fail(problem(places.map((path) => ({
    path,
    message: "Text must not contain the character U+0000 or an unpaired surrogate."
  }))))

/** An operation without parameters has no schema that could refuse them. */
const noParameters = Effect.flatMap(HttpServerRequest.ParsedSearchParams, (query) => {
  const names = Object.keys(query)
  return names.length === 0
    ? Effect.void
    : Effect.fail(problem(names.map((name) => ({
      path: ["query", name],
      message: thereIsNone("parameter", name, [])
    }))))
})

const refuse = (
  error: HttpApiError.HttpApiSchemaError
): Effect.Effect<never, InvalidAnswer | InvalidRequest> =>
  error.kind === "Body" || error.kind === "ResponseHeaders"
    ? Effect.andThen(
      Effect.logError("an answer does not fit its own contract", error.cause),
      Effect.fail(new InvalidAnswer({ detail: "This is a fault of the server, which has logged it." }))
    )
    : Effect.fail(invalid(error))

const invalid = ({ cause, kind }: HttpApiError.HttpApiSchemaError) => {
  const place = kind.toLowerCase()
  const what = kind === "Query" ? "parameter" : "field"
  const unknown = new Map(unknownNames(cause.issue))
  const errors = faultsOf(cause.issue).map(({ message, path: names }) => {
    const known = unknown.get(names.join("."))
    return {
      path: [place, ...names],
      message: known === undefined ? message : thereIsNone(what, names.at(-1) ?? "", known)
    }
  })
  return problem(errors)
}

const problem = (errors: ReadonlyArray<{ readonly path: ReadonlyArray<string>; readonly message: string }>) =>
  new InvalidRequest({
    detail: errors.map(({ message, path }) => `${path.join(".")}: ${message}`).join("; "),
    errors
  })

const thereIsNone = (what: string, name: string, known: ReadonlyArray<string>) => {
  const nearest = nearestOf(name, known)
  return nearest !== undefined
    ? `This ${what} does not exist. Did you mean ${nearest}?`
    : known.length === 0
    ? `This ${what} does not exist. No ${what} is allowed here.`
    : `This ${what} does not exist. Allowed are ${known.join(", ")}.`
}

/** The path of each name that the schema does not know, with the names that the schema allows there. */
const unknownNames = (
  issue: SchemaIssue.Issue,
  path: ReadonlyArray<string> = []
): ReadonlyArray<readonly [string, ReadonlyArray<string>]> => {
  switch (issue._tag) {
    case "UnexpectedKey":
      return [[path.join("."), namesOf(issue.ast)]]
    case "Pointer":
      return unknownNames(issue.issue, [...path, ...issue.path.map(String)])
    case "Filter":
    case "Encoding":
      return unknownNames(issue.issue, path)
    case "Composite":
    case "AnyOf":
      return issue.issues.flatMap((issue) => unknownNames(issue, path))
    default:
      return []
  }
}

const namesOf = (ast: SchemaAST.AST) =>
  SchemaAST.isObjects(ast) ? ast.propertySignatures.map(({ name }) => String(name)) : []
