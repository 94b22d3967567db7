import { HttpApiMiddleware } from "effect/http-api"
import { InvalidAnswer, InvalidRequest } from "./Problems.ts"

/** Says of a request that does not fit the contract what is wrong with it, value by value. */
export class Validation extends HttpApiMiddleware.Service<Validation>()("threeqpr-events/Admin/Validation", {
  error: [InvalidRequest, InvalidAnswer]
}) {}
