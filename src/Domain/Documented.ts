import { Schema } from "effect"

interface Values<A> {
  /** The value that the server uses when the field is absent. */
  readonly default?: A
  readonly example?: A
}

/** A field or a parameter with its description for the OpenAPI document. */
export const field = <S extends Schema.Top>(
  schema: S,
  description: string,
  { default: usual, example }: Values<NonNullable<S["Type"]>> = {}
): S["Rebuild"] =>
  // The document shows the encoded side, where an annotation of the decoded key has no effect.
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
