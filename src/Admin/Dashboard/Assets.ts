import { Effect, Schema } from "effect"
import { Buffer } from "node:buffer"
import { createHash } from "node:crypto"
import { readdir, readFile } from "node:fs/promises"
import { extname, join, sep } from "node:path"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { brotliCompress, gzip } from "node:zlib"
import { contentOf, vendored } from "./Vendor.ts"

/** A file of the dashboard is missing or unreadable: the installation is incomplete. */
export class AssetsUnreadable
  extends Schema.TaggedError<AssetsUnreadable>()("AssetsUnreadable", { message: Schema.String })
{}

/** A file for browsers, and its compressed forms. Each form is created once, at the first request for it. */
export interface Asset {
  readonly path: string
  readonly contentType: string
  readonly body: Uint8Array
  readonly etag: string
  readonly encoded: (encoding: Encoding) => Promise<Uint8Array>
}

/** The content coding of a body; `identity` is uncompressed. */
export type Encoding = "br" | "gzip" | "identity"

export interface Assets {
  /** A hash of all files. It is part of their paths, so that browsers can cache them permanently. */
  readonly version: string
  /** The HTML of the page, without references to its files. */
  readonly template: string
  readonly files: ReadonlyMap<string, Asset>
}

/** Whether this program is the bundle, which has the dashboard's files beside it, and not the sources. */
const bundled = !import.meta.url.endsWith(".ts")

/** Reads the page's template, the modules and styles of `src/Dashboard`, and the npm packages that they import. */
export const read: Effect.Effect<Assets, AssetsUnreadable> = Effect.tryPromise({
  try: async () => {
    const folder = fileURLToPath(new URL(bundled ? "./Dashboard" : "../../Dashboard", import.meta.url))
    const own = (await readdir(folder, { recursive: true }))
      .map((name) => name.split(sep).join("/")).toSorted()
    const contents = (kind: string) =>
      own.filter((name) => extname(name) === kind && !name.startsWith("vendor/")).map(async (path) =>
        asset(path, await readFile(join(folder, path)))
      )
    const brought = await Promise.all(
      bundled
        ? own.filter((name) => name.startsWith("vendor/")).map(async (path) =>
          asset(path, await readFile(join(folder, path)))
        )
        : vendored().map((vendor) => asset(`vendor/${vendor.as}`, contentOf(vendor)))
    )
    const sheets = [
      ...brought.filter(({ path }) => path.endsWith(".css")),
      ...await Promise.all(contents(".css"))
    ]
    const files = [
      ...await Promise.all([...contents(".js"), ...contents(".svg")]),
      ...brought.filter((file) => !sheets.includes(file)),
      // One file with all styles, in the order of their names, loads faster than several files.
      asset("style.css", Buffer.concat(sheets.map(({ body }) => body)))
    ]
    const hash = createHash("sha256")
    for (const { body, path } of files) hash.update(`${path} ${body.length} `).update(body)
    return {
      version: hash.digest("hex").slice(0, 16),
      template: await readFile(join(folder, "index.html"), "utf8"),
      files: new Map(files.map((file) => [file.path, file]))
    }
  },
  catch: (cause) =>
    new AssetsUnreadable({
      message: `The dashboard's files cannot be read (${
        cause instanceof Error ? cause.message : cause
      }). Install threeqpr-events again: npm ci.`
    })
})

const contentTypes: Readonly<Record<string, string>> = {
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
  ".woff2": "font/woff2"
}

/** An asset with these bytes. Its content type follows from the extension of its name. */
export const asset = (path: string, body: Uint8Array): Asset => {
  const made = new Map<Encoding, Promise<Uint8Array>>()
  return {
    path,
    contentType: contentTypes[extname(path)] ?? "text/html; charset=utf-8",
    body,
    etag: `"${createHash("sha256").update(body).digest("base64url").slice(0, 22)}"`,
    encoded: (encoding) => {
      const known = made.get(encoding) ?? encode(body, encoding)
      made.set(encoding, known)
      return known
    }
  }
}

const encode = (body: Uint8Array, encoding: Encoding): Promise<Uint8Array> =>
  encoding === "br"
    ? promisify(brotliCompress)(body)
    : encoding === "gzip"
    ? promisify(gzip)(body, { level: 9 })
    : Promise.resolve(body)
