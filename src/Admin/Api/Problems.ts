import { Effect, Schema } from "effect"
import { HttpApiError } from "effect/http-api"
import { field, model } from "../../Domain/Documented.ts"

/** RFC 9457 problems of the private listener. `type` is stable; `detail` is written for people. */
export class NotFound extends HttpApiError.Problem<NotFound>()("NotFound", {
  type: "urn:threeqpr-events:problem:not-found",
  status: 404,
  title: "Not found"
}) {}

export class Unauthorized extends HttpApiError.Problem<Unauthorized>()("Unauthorized", {
  type: "urn:threeqpr-events:problem:unauthorized",
  status: 401,
  title: "A bearer token is needed"
}) {}

export class SignInRefused extends HttpApiError.Problem<SignInRefused>()("SignInRefused", {
  type: "urn:threeqpr-events:problem:sign-in-refused",
  status: 401,
  title: "This sign-in link is not valid"
}) {}

export class Forbidden extends HttpApiError.Problem<Forbidden>()("Forbidden", {
  type: "urn:threeqpr-events:problem:forbidden",
  status: 403,
  title: "Requests from other sites are refused"
}) {}

export class ReadOnly extends HttpApiError.Problem<ReadOnly>()("ReadOnly", {
  type: "urn:threeqpr-events:problem:read-only",
  status: 403,
  title: "This token may only read"
}) {}

export class Conflict extends HttpApiError.Problem<Conflict>()("Conflict", {
  type: "urn:threeqpr-events:problem:conflict",
  status: 409,
  title: "Not possible in the present state"
}) {}

export class Unavailable extends HttpApiError.Problem<Unavailable>()("Unavailable", {
  type: "urn:threeqpr-events:problem:unavailable",
  status: 503,
  title: "Temporarily unavailable"
}) {}

export class TooManyClients extends HttpApiError.Problem<TooManyClients>()("TooManyClients", {
  type: "urn:threeqpr-events:problem:too-many-clients",
  status: 503,
  title: "Too many clients listen already"
}) {}

const InvalidValue = model(
  "InvalidValue",
  "A value of a request that is not allowed.",
  Schema.Struct({
    path: field(
      Schema.Array(Schema.Union([Schema.String, Schema.Number])),
      "Where the value is, such as `[\"query\", \"limit\"]`."
    ),
    message: field(Schema.String, "What is wrong with it, and what is allowed.")
  })
)

export class InvalidRequest extends HttpApiError.Problem<InvalidRequest>()("InvalidRequest", {
  type: "urn:threeqpr-events:problem:invalid-request",
  status: 400,
  title: "The request has a value that is not allowed"
}, {
  errors: field(Schema.optionalKey(Schema.Array(InvalidValue)), "Each value that is not allowed.")
}) {}

export class InvalidAnswer extends HttpApiError.Problem<InvalidAnswer>()("InvalidAnswer", {
  type: "urn:threeqpr-events:problem:invalid-answer",
  status: 500,
  title: "The answer does not fit its own contract"
}) {}

export class InvalidSelection extends HttpApiError.Problem<InvalidSelection>()("InvalidSelection", {
  type: "urn:threeqpr-events:problem:invalid-selection",
  status: 400,
  title: "The selection of events is not clear"
}) {}

export class InvalidStatement extends HttpApiError.Problem<InvalidStatement>()("InvalidStatement", {
  type: "urn:threeqpr-events:problem:invalid-statement",
  status: 400,
  title: "The SQL statement is not allowed or not valid"
}, {
  position: field(
    Schema.optionalKey(Schema.Finite),
    "The character of the statement at which the error is, from 1."
  )
}) {}

export class TimedOut extends HttpApiError.Problem<TimedOut>()("TimedOut", {
  type: "urn:threeqpr-events:problem:timed-out",
  status: 504,
  title: "It did not end in time"
}) {}

export class NotApplied extends HttpApiError.Problem<NotApplied>()("NotApplied", {
  type: "urn:threeqpr-events:problem:not-applied",
  status: 504,
  title: "The read model is behind the sequence"
}, {
  applied_to: field(
    Schema.optionalKey(Schema.Finite),
    "The read model has finished the log up to this sequence."
  )
}) {}

type Refusal =
  | NotApplied
  | TooManyClients
  | InvalidStatement
  | NotFound
  | TimedOut
  | Conflict
  | InvalidSelection
  | InvalidRequest
  | Unavailable

/** Passes on errors that the client can repair. Other errors are logged and answered with `Unavailable`. */
export const orUnavailable = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.catch(
    effect,
    (error): Effect.Effect<never, Extract<E, Refusal> | Unavailable> =>
      isRefusal(error) ? Effect.fail(error) : Effect.andThen(
        Effect.logWarning("the database or the event log cannot be read or changed", error),
        Effect.fail(new Unavailable({ detail: "The database or the event log does not answer. Try again." }))
      )
  )

const isRefusal = <E>(error: E): error is Extract<E, Refusal> =>
  error instanceof NotApplied || error instanceof TooManyClients || error instanceof NotFound ||
  error instanceof Conflict ||
  error instanceof InvalidSelection
  || error instanceof InvalidRequest || error instanceof InvalidStatement || error instanceof TimedOut
  || error instanceof Unavailable
