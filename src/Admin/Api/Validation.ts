import { HttpApiMiddleware } from "effect/http-api"
import { InvalidAnswer, InvalidRequest } from "./Problems.ts"

/** Answers a request that does not match the contract with a problem that describes each wrong value. */
export class Validation extends HttpApiMiddleware.Service<Validation>()("threeqpr-events/Admin/Validation", {
  error: [InvalidRequest, InvalidAnswer]
}) {}
