import { Buffer } from "node:buffer"
import { createHash } from "node:crypto"
import { type Asset, asset, type Assets } from "./Assets.ts"
import { imports } from "./Vendor.ts"

/** The page, and a content security policy that permits only the page's own files. */
export interface Page {
  readonly asset: Asset
  readonly policy: string
}

/** Inserts the paths of the files of this version into the page. */
export const make = ({ files, template, version }: Assets): Page => {
  const base = `/dashboard/${version}/`
  const map = JSON.stringify({
    imports: Object.fromEntries(Object.entries(imports).map(([name, path]) => [name, `${base}${path}`]))
  })
  const of = (kind: string) => [...files.keys()].filter((path) => path.endsWith(kind))
  const head = [
    ...of(".css").map((path) => `<link rel="stylesheet" href="${base}${path}">`),
    `<script type="importmap">${map}</script>`,
    ...of(".js").filter((path) => path !== "early.js")
      .map((path) => `<link rel="modulepreload" href="${base}${path}">`)
  ]
  const text = template.replace("<!-- files -->", head.join("\n")).replaceAll("{{base}}", base)
  return { asset: asset("", Buffer.from(text)), policy: policy(map) }
}

const policy = (importMap: string) =>
  [
    "default-src 'none'",
    `script-src 'self' 'sha256-${createHash("sha256").update(importMap).digest("base64")}'`,
    "style-src 'self'",
    "connect-src 'self'",
    "img-src 'self'",
    "font-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'"
  ].join("; ")
