import { registerHooks } from "node:module"

// openapi-typescript needs the API of TypeScript 5 or 6. The compiler of this project is version 7, which has none.
registerHooks({
  resolve: (specifier, context, next) =>
    specifier === "typescript"
      ? next("./TypeScript.ts", { ...context, parentURL: import.meta.url })
      : next(specifier, context)
})
