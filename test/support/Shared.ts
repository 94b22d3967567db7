import { inject } from "vitest"

declare module "vitest" {
  interface ProvidedContext {
    /** Where the test run hands out what its files share. */
    readonly shared: string
    /** The kind of database that tests for both kinds use. */
    readonly engine: "postgres" | "pglite"
  }
}

/** What the files of a run share. Each is made when a file first asks for it. */
export const resources = ["postgres", "data-folder"] as const
export type Resource = typeof resources[number]

/** Gives a shared resource: the URL of the Postgres server, or the data folder to copy. */
export const shared = async (resource: Resource): Promise<string> => {
  const response = await fetch(`${inject("shared")}/${resource}`)
  const text = await response.text()
  if (!response.ok) throw new Error(`The test run has no ${resource}: ${text}`)
  return text
}
