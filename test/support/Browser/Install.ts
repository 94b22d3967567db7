import { spawn } from "node:child_process"
import { createReadStream, existsSync } from "node:fs"
import { chmod, mkdir, mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises"
import { createRequire } from "node:module"
import { homedir } from "node:os"
import { delimiter, dirname, join } from "node:path"
import process from "node:process"
import { pipeline } from "node:stream/promises"
import { createBrotliDecompress } from "node:zlib"

/** The path of a Chromium, and the environment that its process needs. */
export interface Chromium {
  readonly binary: string
  readonly environment: Readonly<Record<string, string>>
}

/** `CHROMIUM_BIN`, a Chromium on the `PATH`, or the compressed one in an npm package. */
export const find = async (): Promise<Chromium> => {
  const named = process.env["CHROMIUM_BIN"]
  if (named) return { binary: named, environment: {} }
  const names = ["chromium", "chromium-browser", "google-chrome"]
  const onPath = (process.env["PATH"] ?? "").split(delimiter).flatMap((folder) =>
    names.map((name) => join(folder, name))
  ).find((file) => existsSync(file))
  return onPath === undefined ? fromPackage() : { binary: onPath, environment: {} }
}

/** Unpacks Chromium once into the cache. The final rename keeps concurrent runs from mixing their files. */
const fromPackage = async (): Promise<Chromium> => {
  const main = createRequire(import.meta.url).resolve("@sparticuz/chromium")
  const packed = join(dirname(main), "..", "bin")
  const { version } = JSON.parse(await readFile(join(dirname(main), "..", "package.json"), "utf8"))
  const cache = process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache")
  const folder = join(cache, "threeqpr-events", `chromium-${version}`)
  if (!existsSync(folder)) await unpack(packed, folder)
  const environment = { FONTCONFIG_FILE: join(folder, "fonts.conf") }
  const binary = join(folder, "chromium")
  return await lacksLibraries(binary)
    ? { binary, environment: { ...environment, LD_LIBRARY_PATH: join(folder, "lib") } }
    : { binary, environment }
}

const unpack = async (packed: string, folder: string) => {
  await mkdir(dirname(folder), { recursive: true })
  const making = await mkdtemp(`${folder}-`)
  try {
    const binary = join(making, "chromium")
    await pipeline(createReadStream(join(packed, "chromium.br")), createBrotliDecompress(), async (from) => {
      await writeFile(binary, from)
    })
    await chmod(binary, 0o755)
    for (const archive of ["fonts", "al2023", "swiftshader"]) {
      await untar(join(packed, `${archive}.tar.br`), making)
    }
    // Uses the machine's own fonts, and those of the package where the machine has none.
    await writeFile(
      join(making, "fonts.conf"),
      `<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd"><fontconfig>`
        + `<dir>/usr/share/fonts</dir><dir>${folder}/fonts</dir><cachedir>${folder}/fonts-cache</cachedir>`
        + `</fontconfig>`
    )
    await rename(making, folder).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "ENOTEMPTY" && error.code !== "EEXIST") throw error
    })
  } finally {
    await rm(making, { recursive: true, force: true })
  }
}

const untar = async (archive: string, into: string) => {
  const tar = spawn("tar", ["-x", "-C", into], { stdio: ["pipe", "ignore", "inherit"] })
  const ended = new Promise<void>((resolve, reject) =>
    tar.on("error", reject).on("close", (code) => code === 0 ? resolve() : reject(new Error(`tar: ${code}`)))
  )
  // tar may close its input before the zeros at the end of an archive. Its exit code reports whether extraction
  // succeeded.
  await Promise.all([
    ended,
    pipeline(createReadStream(archive), createBrotliDecompress(), tar.stdin).catch((error) => {
      if (!["ERR_STREAM_PREMATURE_CLOSE", "EPIPE"].includes(error.code)) throw error
    })
  ])
}

/** Whether the machine lacks shared libraries that Chromium needs. The package contains those too. */
const lacksLibraries = (binary: string) =>
  new Promise<boolean>((resolve) => {
    let said = ""
    const ldd = spawn("ldd", [binary], { stdio: ["ignore", "pipe", "ignore"] })
    ldd.stdout.on("data", (text) => void (said += String(text)))
    ldd.on("error", () => resolve(false)).on("close", () => resolve(said.includes("not found")))
  })
