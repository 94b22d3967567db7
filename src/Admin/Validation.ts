import { Effect, SchemaIssue } from "effect"
import { type HttpApiError, HttpApiMiddleware } from "effect/http-api"
import { Forbidden, InvalidAnswer, InvalidRequest, Unauthorized } from "./Problems.ts"

/** Says of a request that does not fit the contract what is wrong with it, value by value. */
export class Validation extends HttpApiMiddleware.Service<Validation>()("threeqpr-events/Admin/Validation", {
  error: [InvalidRequest, InvalidAnswer, Unauthorized, Forbidden]
}) {}

export const layer = HttpApiMiddleware.layerSchemaErrorTransform(
  Validation,
  (error) =>
    error.kind === "Body" || error.kind === "ResponseHeaders"
      ? Effect.andThen(
        Effect.logError("an answer does not fit its own contract", error.cause),
        Effect.fail(new InvalidAnswer({ detail: "This is a fault of the server, which has logged it." }))
      )
      : Effect.fail(invalid(error))
)

const invalid = ({ cause, kind }: HttpApiError.HttpApiSchemaError) => {
  const place = kind.toLowerCase()
  const errors = issues(cause.issue).issues.map(({ message, path = [] }) => ({
    path: [place, ...path.map((at) => typeof at === "object" ? String(at.key) : String(at))],
    message
  }))
  return new InvalidRequest({
    detail: errors.map(({ message, path }) => `${path.join(".")}: ${message}`).join("; "),
    errors
  })
}

const issues = SchemaIssue.makeFormatterStandardSchemaV1()
