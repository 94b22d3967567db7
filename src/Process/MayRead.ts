import process from "node:process"

/** The part of Deno's API that Node does not have. */
declare const Deno: {
  readonly permissions: {
    querySync: (what: { readonly name: "read"; readonly path: string }) => { readonly state: string }
  }
} | undefined

/**
 * Whether the runtime permits reading a file. Without the permission, Deno would prompt on the terminal at the
 * attempt.
 */
export const mayRead = (path: string): boolean =>
  typeof Deno === "undefined"
    ? process.permission?.has("fs.read", path) ?? true
    : Deno.permissions.querySync({ name: "read", path }).state === "granted"
