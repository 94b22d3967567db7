// npm run docs: serves the documentation with reload. npm run docs:build: writes it to `site`.
import { relative, sep } from "node:path"
import { checkout, linkedSources } from "./Contents.ts"
import { outputOf, page } from "./Page.ts"

/** The part of Eleventy's configuration that this file uses. */
interface Configuration {
  readonly setIncludesDirectory: (folder: string) => void
  readonly setTemplateFormats: (formats: ReadonlyArray<string>) => void
  readonly setUseGitIgnore: (use: boolean) => void
  readonly ignores: Set<string>
  readonly addGlobalData: (name: string, value: () => unknown) => void
  readonly addPassthroughCopy: (files: Readonly<Record<string, string>>) => void
  readonly addTransform: (
    name: string,
    transform: (this: { readonly page: { readonly inputPath: string } }, content: string) => string
  ) => void
  readonly addWatchTarget: (file: string) => void
}

const fileOf = (inputPath: string) => relative(checkout, inputPath).split(sep).join("/")

export default (eleventy: Configuration) => {
  eleventy.setTemplateFormats(["md"])
  eleventy.setUseGitIgnore(false)
  for (const folder of ["bin", "data", "dist", "node_modules", "runtime", "site", "src", "test"]) {
    eleventy.ignores.add(`${folder}/**`)
  }
  eleventy.addGlobalData(
    "permalink",
    () => ({ page }: { readonly page: { readonly inputPath: string } }) => outputOf(fileOf(page.inputPath))
  )
  eleventy.addPassthroughCopy({
    "docs/images": "docs/images",
    "src/Dashboard/styles/1-tokens.css": "assets/tokens.css",
    "test/site/site.css": "assets/site.css",
    "node_modules/@mermaid-js/tiny/dist/mermaid.tiny.js": "assets/mermaid.js",
    "node_modules/@fontsource-variable/inter/files/inter-latin-wght-normal.woff2": "assets/inter.woff2",
    ...Object.fromEntries(linkedSources().map((file) => [file, `${file}.txt`]))
  })
  eleventy.addTransform("page", function(content) {
    return page(fileOf(this.page.inputPath), content)
  })
  return {
    dir: { input: ".", output: "site" },
    markdownTemplateEngine: false
  }
}
