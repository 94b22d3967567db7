import process from "node:process"

/** The part of Deno that Node lacks. */
declare const Deno: {
  readonly permissions: {
    querySync: (what: { readonly name: "read"; readonly path: string }) => { readonly state: string }
  }
} | undefined

/** Whether the runtime lets us read a file. Deno would ask on the terminal if we tried without the permission. */
export const mayRead = (path: string): boolean =>
  typeof Deno === "undefined"
    ? process.permission?.has("fs.read", path) ?? true
    : Deno.permissions.querySync({ name: "read", path }).state === "granted"
