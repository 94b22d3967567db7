import { HttpApiMiddleware, HttpApiSecurity, OpenApi } from "effect/http-api"
import { Forbidden, ReadOnly, Unauthorized } from "./Problems.ts"

/** How a caller shows its token. In lower case, as registered: some generators of clients compare the name so. */
export const bearer = HttpApiSecurity.annotate(
  HttpApiSecurity.http({ scheme: "bearer" }),
  OpenApi.Description,
  "ADMIN_TOKEN, or the token in DATA_DIR/admin-token. ADMIN_READ_TOKEN suffices for every GET. "
    + "A listener that is started without a token ignores the header."
)

/** Every operation needs the token. The server, the document and the typed client take that from here. */
export class Authorization
  extends HttpApiMiddleware.Service<Authorization>()("threeqpr-events/Admin/Authorization", {
    error: [Unauthorized, Forbidden, ReadOnly],
    security: { token: bearer },
    requiredForClient: true
  })
{}
