// Runs: node first

import { assert, describe, it } from "@effect/vitest"
import { existsSync, readFileSync } from "node:fs"
import { official } from "../../src/Nats/Install/Release.ts"
import * as Compose from "../support/Compose.ts"

const url = (name: string) => new URL(`../../${name}`, import.meta.url)
const file = (name: string) => readFileSync(url(name), "utf8")

const { devDependencies, version } = JSON.parse(file("package.json"))
const dockerfile = file("Dockerfile")
const { services } = Compose.read({})

describe("the containers", () => {
  it("run the Node, the Deno and the nats-server that the project pins", () => {
    const images = [...dockerfile.matchAll(/^FROM (\S+)/gm)].map(([, image]) => image)
    assert.sameMembers([...new Set(images)], [
      `nats:${official.version}-alpine`,
      `node:${devDependencies.node}-alpine`,
      `denoland/deno:alpine-${devDependencies.deno}`
    ])
    const used = new Set(Object.values(services).map(({ image }) => image))
    assert.sameMembers([...used], [
      `nats:${official.version}-alpine`,
      `threeqpr-events:${version}`,
      "postgres:18-alpine"
    ])
  })

  it("copy what exists, and what .dockerignore lets through", () => {
    const copied = [...dockerfile.matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap(([, names = ""]) =>
      names.split(" ")
    )
    const let_ = file(".dockerignore").split("\n").filter((line) => line.startsWith("!")).map((line) =>
      line.slice(1)
    )
    assert.sameMembers([...new Set(copied)], let_)
    for (const name of copied) assert.isTrue(existsSync(url(name)), name)
  })

  it("end as another user than root", () => {
    for (const stage of ["deno", "node"]) {
      const text = dockerfile.split(new RegExp(`^FROM .* AS ${stage}$`, "m"))[1]?.split(/^FROM /m)[0] ?? ""
      assert.match(text, /^USER [1-9]\d*:[1-9]\d*$/m)
    }
  })
})

describe("docker-compose.yml", () => {
  it("publishes ports on loopback only, each once in a profile", () => {
    for (const profile of ["cluster", "dev"]) {
      const ports = Object.values(services).filter(({ profiles }) => profiles.includes(profile)).flatMap((
        { ports = [] }
      ) => ports)
      for (const port of ports) assert.match(port, /^127\.0\.0\.1:\d+:\d+$/)
      assert.lengthOf(new Set(ports.map((port) => port.split(":")[1])), ports.length)
    }
  })

  it("gives our own containers a read-only file system, and everything 30 seconds to stop", () => {
    for (const [name, { image, read_only, stop_grace_period }] of Object.entries(services)) {
      assert.strictEqual(read_only ?? false, image.startsWith("threeqpr-events"), name)
      assert.isAtLeast(Number.parseInt(stop_grace_period), 30, name)
    }
  })

  it("takes from .env what .env.example lists, and its dev profile needs none of it", () => {
    const listed = file(".env.example").split("\n").flatMap((line) => /^(\w+)=$/.exec(line)?.[1] ?? [])
    assert.sameMembers(Compose.variables, listed)
    assert.deepStrictEqual(services["dev"]?.environment, {
      ADMIN_HOST: "0.0.0.0",
      ADMIN_TOKEN: "development"
    })
  })
})
