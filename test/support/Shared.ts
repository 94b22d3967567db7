import { inject } from "vitest"

declare module "vitest" {
  interface ProvidedContext {
    /** The URL of the server that hands out shared resources. */
    readonly shared: string
    /** The database engine of the tests that support both. */
    readonly engine: "postgres" | "pglite"
  }
}

/** The resources that the files of a run share. Each is created at the first request. */
export const resources = [
  "postgres",
  "migrated-database",
  "data-folder",
  "migrated-folder",
  "package"
] as const
export type Resource = typeof resources[number]

/** Returns a shared resource: the URL of the Postgres server, or the name of the database or folder to copy. */
export const shared = async (resource: Resource): Promise<string> => {
  const response = await fetch(`${inject("shared")}/${resource}`)
  const text = await response.text()
  if (!response.ok) throw new Error(`The test run has no ${resource}: ${text}`)
  return text
}
