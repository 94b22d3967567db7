import { Schema } from "effect"

interface Values<A> {
  /** What the server uses when the caller leaves it out. */
  readonly default?: A
  readonly example?: A
}

/** A field or a parameter, with its meaning. The OpenAPI document shows it. */
export const field = <S extends Schema.Top>(
  schema: S,
  description: string,
  { default: usual, example }: Values<NonNullable<S["Type"]>> = {}
): S["Rebuild"] =>
  // The document has the encoded side. A key of the decoded side says nothing of it.
  schema.ast.encoding !== undefined
    ? Schema.annotateEncoded<S>({ description })(schema)
    : schema.annotateKey({
      description,
      ...(usual !== undefined && { default: usual }),
      ...(example !== undefined && { examples: [example] })
    })

/** A schema that the OpenAPI document lists under this name. */
export const model = <S extends Schema.Top>(
  identifier: string,
  description: string,
  schema: S
): S["Rebuild"] => schema.annotate({ identifier, description })
