import { OpenApi } from "effect/http-api"
import { Api } from "../../src/Admin/Api.ts"
import { code, table } from "./Markdown.ts"

const methods = ["get", "post", "put", "patch", "delete"] as const

/** Every request of the private listener's contract. */
export const requests = () => {
  const { paths } = OpenApi.fromApi(Api)
  const rows = Object.entries(paths).flatMap(([path, operations]) =>
    methods.flatMap((method) => {
      const operation = operations[method]
      if (operation === undefined) return []
      const parameters = (operation.parameters ?? [])
        .filter((parameter) => parameter.in === "query")
        .map(({ name }) => code(name === "metadata" ? "metadata.<key>" : name))
      return [[
        code(`${method.toUpperCase()} ${path.replaceAll(/\{(\w+)\}/g, ":$1")}`),
        operation.summary ?? "",
        parameters.join(", ")
      ]]
    })
  )
  return ["## Requests", table(["request", "answer", "query parameters"], rows)].join("\n\n")
}
