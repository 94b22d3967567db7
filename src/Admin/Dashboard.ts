import { Effect } from "effect"
import { HttpRouter, HttpServerRespondable, HttpServerResponse } from "effect/http"
import { guards } from "./Access/Guards.ts"
import { NotFound, Unavailable } from "./Api/Problems.ts"
import { type Asset, type Assets, type Encoding, read } from "./Dashboard/Assets.ts"
import * as Page from "./Dashboard/Page.ts"

/**
 * Whether a request is for the dashboard's page, its files, its sign-in, or `/docs`. These hold no data, and a
 * browser that opens an address sends no token.
 */
export const isPage = (url: string) => /^\/(docs)?(\?|$)|^\/dashboard\//.test(url)

/**
 * `/`: the dashboard. The path of its files changes with their content, so that browsers can cache them. When the
 * files cannot be read, `/` reports that, and all other routes work.
 */
export const layer = HttpRouter.use((router) =>
  Effect.matchEffect(read, {
    onSuccess: (assets) => routes(router, assets),
    onFailure: ({ message }) =>
      Effect.andThen(
        Effect.logWarning(message),
        router.add("GET", "/", () => HttpServerRespondable.toResponse(new Unavailable({ detail: message })))
      )
  })
)

const routes = Effect.fnUntraced(function*(router: HttpRouter.HttpRouter, assets: Assets) {
  const page = Page.make(assets)
  yield* router.add(
    "GET",
    "/",
    ({ headers }) =>
      respond(page.asset, headers, { "content-security-policy": page.policy, "cache-control": "no-cache" })
  )
  const prefix = `/dashboard/${assets.version}/`
  yield* router.add("GET", "/dashboard/:version/*", ({ headers, url }) => {
    const [path = ""] = url.split("?")
    const asset = path.startsWith(prefix) ? assets.files.get(path.slice(prefix.length)) : undefined
    return asset === undefined
      ? HttpServerRespondable.toResponse(
        new NotFound({ detail: "This version does not have this file. Reload /." })
      )
      : respond(asset, headers, { "cache-control": "public, max-age=31536000, immutable" })
  })
})

type Headers = Readonly<Record<string, string | undefined>>

const respond = (
  { contentType, encoded, etag, path }: Asset,
  asked: Headers,
  more: Record<string, string>
) => {
  const headers = { ...guards, ...more, etag, vary: "accept-encoding" }
  if (asked["if-none-match"] === etag) {
    return Effect.succeed(HttpServerResponse.empty({ status: 304, headers }))
  }
  const encoding = path.endsWith(".woff2") ? "identity" : encodingFor(asked["accept-encoding"])
  return Effect.map(Effect.promise(() => encoded(encoding)), (body) =>
    HttpServerResponse.uint8Array(body, {
      contentType,
      headers: encoding === "identity" ? headers : { ...headers, "content-encoding": encoding }
    }))
}

/** The smallest encoding that the browser accepts; `q=0` excludes one. */
const encodingFor = (accepted = ""): Encoding => {
  const takes = (name: string) =>
    accepted.split(",").some((part) => {
      const [coding, weight = ""] = part.split(";")
      return coding?.trim() === name && !/q=0(\.0*)?\s*$/.test(weight)
    })
  return takes("br") ? "br" : takes("gzip") ? "gzip" : "identity"
}
