import { Schema } from "effect"
import { hasCredentials } from "../Process/Config.ts"

/** The address of a listener. */
export const HttpUrl = Schema.String.check(
  Schema.makeFilter((text) => {
    const { protocol } = URL.parse(text) ?? {}
    return /^https?:$/.test(protocol ?? "") && !hasCredentials(text)
  }, { expected: "an http:// or https:// address, without a user or password" })
)
