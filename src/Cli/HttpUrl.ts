import { Schema } from "effect"

/** The address of a listener. */
export const HttpUrl = Schema.String.check(
  Schema.makeFilter((text) => /^https?:$/.test(URL.parse(text)?.protocol ?? ""), {
    expected: "an http:// or https:// address"
  })
)
