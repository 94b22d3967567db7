/**
 * Writes `dist/sbom.cdx.json`: the package's bill of materials as CycloneDX. It lists what npm installs with the package,
 * and what the built program holds for the dashboard. The same checkout and npm give the same file.
 */
import { execFileSync } from "node:child_process"
import { mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import process from "node:process"
import { fileURLToPath } from "node:url"
import { vendored } from "./src/Admin/Dashboard/Vendor.ts"

const root = fileURLToPath(new URL(".", import.meta.url))

interface Component {
  readonly "bom-ref": string
  readonly name: string
  readonly properties?: ReadonlyArray<{ readonly name: string; readonly value: string }>
}

interface Bom {
  readonly serialNumber?: string
  readonly metadata: { readonly timestamp?: string; readonly component: Component }
  readonly components: ReadonlyArray<Component>
  readonly dependencies: ReadonlyArray<{ readonly ref: string; readonly dependsOn: ReadonlyArray<string> }>
}

/** Every package that we name ourselves and that runs with us, with its version: installed beside us, or in the bundle. */
export const runtimePackages = (): Readonly<Record<string, string>> => {
  const { dependencies, devDependencies } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"))
  const ofTheDashboard = new Set(
    vendored().map(({ file }) => /.*node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(file)?.[1])
  )
  return {
    ...dependencies,
    ...Object.fromEntries(Object.entries(devDependencies).filter(([name]) => ofTheDashboard.has(name)))
  }
}

/** What `npm sbom` reports about the whole checkout, without what only builds and tests need. */
export const shipped = (bom: Bom, names: ReadonlySet<string>): Bom => {
  const { serialNumber: _, ...rest } = bom
  const { timestamp: __, ...metadata } = bom.metadata
  const dependsOn = new Map(bom.dependencies.map(({ dependsOn, ref }) => [ref, dependsOn]))
  const own = metadata.component["bom-ref"]
  const named = new Set(bom.components.filter(({ name }) => names.has(name)).map((found) => found["bom-ref"]))
  const direct = (dependsOn.get(own) ?? []).filter((ref) => named.has(ref))
  const found = new Set(direct)
  // A set that grows while it is walked: what is found is walked too.
  for (const ref of found) for (const next of dependsOn.get(ref) ?? []) found.add(next)
  const inOrder = [...found].toSorted()
  // npm names the folder of the checkout.
  const component = { ...metadata.component, name: own.slice(0, own.lastIndexOf("@")) }
  return {
    ...rest,
    metadata: { ...metadata, component },
    components: bom.components
      .filter((component) => found.has(component["bom-ref"]))
      .toSorted((one, other) => one["bom-ref"] < other["bom-ref"] ? -1 : 1)
      .map(asShipped),
    dependencies: [
      { ref: own, dependsOn: direct.toSorted() },
      ...inOrder.map((ref) => ({ ref, dependsOn: (dependsOn.get(ref) ?? []).toSorted() }))
    ]
  }
}

/** What the bundle holds is a development dependency for npm, and a part of the package for its users. */
const asShipped = ({ properties = [], ...component }: Component) => ({
  ...component,
  scope: "required",
  properties: properties.filter(({ name }) => name !== "cdx:npm:package:development")
})

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const text = execFileSync("npm", ["sbom", "--sbom-format", "cyclonedx"], {
    cwd: root,
    encoding: "utf8",
    maxBuffer: 64 * 1024 * 1024,
    stdio: ["ignore", "pipe", "inherit"]
  })
  const bom = shipped(JSON.parse(text), new Set(Object.keys(runtimePackages())))
  mkdirSync(join(root, "dist"), { recursive: true })
  writeFileSync(join(root, "dist", "sbom.cdx.json"), `${JSON.stringify(bom, null, 2)}\n`)
}
