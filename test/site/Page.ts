import { dirname, relative } from "node:path"
import { anchors } from "../support/Anchors.ts"
import { contents, type Entry } from "./Contents.ts"

/** The page of a Markdown file. Links between pages differ from those on GitHub in the ending only. */
export const outputOf = (file: string) =>
  file === "README.md" ? "index.html" : file.replace(/README\.md$/, "index.html").replace(/\.md$/, ".html")

/** A page of the site, from the HTML of its Markdown. */
export const page = (file: string, html: string) => {
  const { body, headings, title } = withAnchors(withLinks(html))
  const to = linkFrom(file)
  const diagrams = body.includes("language-mermaid")
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${file === "README.md" ? title : `${title} · threeqpr-events`}</title>
<link rel="stylesheet" href="${to("assets/tokens.css")}">
<link rel="stylesheet" href="${to("assets/site.css")}">
</head>
<body>
<a class="skip" href="#content">Skip to the content</a>
<input type="checkbox" id="menu" aria-label="Show the pages">
<nav class="pages" aria-label="Pages">
<a class="name" href="${to("index.html")}">threeqpr-events</a>
${navigation(file, to)}
</nav>
<main id="content">
${
    body.replaceAll(
      /<pre><code class="language-mermaid">([^]*?)<\/code><\/pre>/g,
      "<pre class=\"mermaid\">$1</pre>"
    )
  }
${neighbours(file, to)}
</main>
${outline(headings)}
${diagrams ? diagramScript(to("assets/mermaid.js")) : ""}
</body>
</html>
`
}

/** Makes links to files of the site relative to one page, so that the site works under any address. */
const linkFrom = (file: string) => (target: string) => relative(dirname(outputOf(file)), target)

const navigation = (file: string, to: (target: string) => string) =>
  contents().map(({ entries, title }) => {
    const items = entries.map((entry) =>
      `<li><a href="${to(outputOf(entry.file))}"${
        entry.file === file ? " aria-current=\"page\"" : ""
      }>${entry.title}</a></li>`
    )
    return `${title === "" ? "" : `<h2>${title}</h2>`}<ul>${items.join("")}</ul>`
  }).join("\n")

/** Links to the pages before and after this one. */
const neighbours = (file: string, to: (target: string) => string) => {
  const all = contents().flatMap(({ entries }) => entries)
  const index = all.findIndex((entry) => entry.file === file)
  if (index < 0) return ""
  const link = (entry: Entry | undefined, rel: string) =>
    entry === undefined
      ? "<span></span>"
      : `<a rel="${rel}" href="${to(outputOf(entry.file))}">${entry.title}</a>`
  return `<footer>${link(all[index - 1], "prev")}${link(all[index + 1], "next")}</footer>`
}

interface Heading {
  readonly id: string
  readonly level: string
  readonly text: string
}

const outline = (headings: ReadonlyArray<Heading>) => {
  const parts = headings.filter(({ level }) => level === "2")
  if (parts.length < 2) return ""
  const items = parts.map(({ id, text }) => `<li><a href="#${id}">${text}</a></li>`).join("")
  return `<nav class="outline" aria-label="On this page"><h2>On this page</h2><ul>${items}</ul></nav>`
}

const withAnchors = (html: string) => {
  const headings: Array<Heading> = []
  const anchor = anchors()
  const body = html.replaceAll(/<h([1-6])>([^]*?)<\/h\1>/g, (_, level: string, content: string) => {
    const id = anchor(plain(content))
    headings.push({ id, level, text: content.replaceAll(/<\/?a[^>]*>/g, "") })
    return `<h${level} id="${id}">${content}</h${level}>`
  }).replaceAll(/<table>[^]*?<\/table>/g, (table) => `<div class="wide">${table}</div>`)
  return { body, headings, title: plain(headings[0]?.text ?? "threeqpr-events") }
}

/** The text of an HTML fragment. */
const plain = (html: string) =>
  html.replaceAll(/<[^>]+>/g, "").replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&quot;", "\"")
    .replaceAll("&amp;", "&")

/** Points links to Markdown files to their pages, and links to source files to copies that browsers show. */
const withLinks = (html: string) =>
  html.replaceAll(
    /(href)="(?![a-z]+:)([^"#]+)(#[^"]*)?"/g,
    (_, attribute: string, path: string, anchor = "") => {
      const target = path.endsWith(".md")
        ? path.replace(/README\.md$/, "index.md").replace(/\.md$/, ".html")
        : `${path}.txt`
      return `${attribute}="${target}${anchor}"`
    }
  )

const diagramScript = (source: string) =>
  `<script src="${source}"></script>
<script>
const dark = matchMedia("(prefers-color-scheme: dark)").matches
mermaid.initialize({ startOnLoad: true, theme: dark ? "dark" : "default", fontFamily: "Inter, sans-serif" })
</script>`
