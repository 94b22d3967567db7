// Runs: node first

import { assert, describe, it } from "@effect/vitest"
import { shipped } from "../../sbom.ts"

const component = (
  ref: string,
  properties: ReadonlyArray<{ readonly name: string; readonly value: string }> = []
) => ({
  "bom-ref": ref,
  name: ref.slice(0, ref.lastIndexOf("@")),
  scope: "optional",
  properties
})

const development = { name: "cdx:npm:package:development", value: "true" }
const path = { name: "cdx:npm:package:path", value: "node_modules/htm" }

const whole = {
  serialNumber: "urn:uuid:1",
  metadata: { timestamp: "2026-11-29T12:00:00Z", component: { ...component("us@1.0.0"), name: "folder" } },
  components: [
    component("vitest@1.0.0", [development]),
    component("nats@2.0.0"),
    component("htm@3.0.0", [development, path]),
    component("nkeys@1.0.0"),
    component("chai@1.0.0", [development])
  ],
  dependencies: [
    { ref: "us@1.0.0", dependsOn: ["vitest@1.0.0", "nats@2.0.0", "htm@3.0.0"] },
    { ref: "nats@2.0.0", dependsOn: ["nkeys@1.0.0"] },
    { ref: "nkeys@1.0.0", dependsOn: [] },
    { ref: "htm@3.0.0", dependsOn: [] },
    { ref: "vitest@1.0.0", dependsOn: ["chai@1.0.0", "nats@2.0.0"] }
  ]
}

describe("the bill of materials", () => {
  it("has the shipped packages with their dependencies, and nothing that differs between runs", () => {
    const bom = shipped(whole, new Set(["nats", "htm"]))
    assert.deepStrictEqual(bom.components.map((found) => found["bom-ref"]), [
      "htm@3.0.0",
      "nats@2.0.0",
      "nkeys@1.0.0"
    ])
    assert.deepStrictEqual(bom.dependencies, [
      { ref: "us@1.0.0", dependsOn: ["htm@3.0.0", "nats@2.0.0"] },
      { ref: "htm@3.0.0", dependsOn: [] },
      { ref: "nats@2.0.0", dependsOn: ["nkeys@1.0.0"] },
      { ref: "nkeys@1.0.0", dependsOn: [] }
    ])
    assert.notProperty(bom, "serialNumber")
    assert.notProperty(bom.metadata, "timestamp")
    assert.strictEqual(bom.metadata.component.name, "us", "not the folder of the checkout")
  })

  it("lists a bundled package as required, not as a development tool", () => {
    const [htm] = shipped(whole, new Set(["htm"])).components
    const expected = { ...component("htm@3.0.0", [path]), scope: "required" }
    assert.deepStrictEqual(JSON.stringify(htm), JSON.stringify(expected))
  })
})
