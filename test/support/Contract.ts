import { createConfig, lintFromString } from "@redocly/openapi-core"
import { Ajv2020 } from "ajv/dist/2020.js"
import { Effect } from "effect"
import { type Answer, send } from "./Http.ts"

/** The parts of `/openapi.json` that the tests read. */
export interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
  readonly components: { readonly securitySchemes: Readonly<Record<string, object>> }
}

interface Operation {
  readonly operationId: string
  readonly security: ReadonlyArray<Readonly<Record<string, ReadonlyArray<string>>>>
  readonly responses: Readonly<Record<string, { readonly content?: Readonly<Record<string, unknown>> }>>
}

/** One documented response. */
export interface Documented {
  readonly operation: string
  readonly method: string
  readonly status: number
  /** The media type of its body. */
  readonly type: string | undefined
  /** The JSON pointer of its schema in the document. */
  readonly pointer: string
}

export const documentedIn = ({ paths }: Document): ReadonlyArray<Documented> =>
  Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).flatMap(([method, { operationId, responses }]) =>
      Object.entries(responses).map(([status, { content }]) => {
        const [type] = Object.keys(content ?? {})
        return {
          operation: operationId,
          method: method.toUpperCase(),
          status: Number(status),
          type,
          pointer: pointerOf("paths", path, method, "responses", status, "content", type ?? "", "schema")
        }
      })
    )
  )

/**
 * Returns a function that validates a body against the schema at a pointer. It returns the errors, or undefined for
 * a valid body.
 */
export const checkerOf = (document: Document) => {
  const ajv = new Ajv2020({ strict: false, allErrors: true, validateFormats: false })
  ajv.addSchema(document, "document")
  return (pointer: string, body: unknown): string | undefined => {
    const fits = ajv.validate({ $ref: `document#${pointer}` }, body)
    return fits ? undefined : ajv.errorsText()
  }
}

/** Sends a request. Of a stream, which does not end, the answer contains only the first chunk. */
export const sendOrListen = (url: string, init: RequestInit, type: string | undefined) =>
  type === "text/event-stream"
    ? Effect.promise(async (): Promise<Answer> => {
      const response = await fetch(url, init)
      const reader = response.body?.getReader()
      const first = await reader?.read()
      await reader?.cancel()
      const body = new TextDecoder().decode(first?.value)
      return { status: response.status, headers: response.headers, body }
    })
    : send(url, init)

/** Lints the document with Redocly's strictest rules. */
export const lint = (document: Document) =>
  Effect.promise(async () => {
    const config = await createConfig({ extends: ["recommended-strict"] })
    const source = JSON.stringify(document)
    const problems = await lintFromString({ source, absoluteRef: "/openapi.json", config })
    return problems.map(({ location, message, ruleId }) => `${ruleId} at ${location[0]?.pointer}: ${message}`)
  })

const pointerOf = (...parts: ReadonlyArray<string>) =>
  parts.map((part) => `/${encodeURIComponent(part.replaceAll("~", "~0").replaceAll("/", "~1"))}`).join("")
