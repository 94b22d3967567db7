import { HttpApiMiddleware, HttpApiSecurity, OpenApi } from "effect/http-api"
import { Forbidden, ReadOnly, Unauthorized } from "./Problems.ts"

/**
 * The scheme in which a client sends its token. It is in lower case, as registered, because some client generators
 * compare the name case-sensitively.
 */
export const bearer = HttpApiSecurity.annotate(
  HttpApiSecurity.http({ scheme: "bearer" }),
  OpenApi.Description,
  "ADMIN_TOKEN, or the token in DATA_DIR/admin-token. ADMIN_READ_TOKEN suffices for every GET. "
    + "A listener without a token ignores the header."
)

/** Every operation needs the token. The server, the OpenAPI document and the typed client take this rule from here. */
export class Authorization
  extends HttpApiMiddleware.Service<Authorization>()("threeqpr-events/Admin/Authorization", {
    error: [Unauthorized, Forbidden, ReadOnly],
    security: { token: bearer },
    requiredForClient: true
  })
{}
