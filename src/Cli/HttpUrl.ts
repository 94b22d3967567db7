import { Schema } from "effect"

/** The address of a listener. */
export const HttpUrl = Schema.String.check(
  Schema.makeFilter((text) => {
    const { password, protocol, username } = URL.parse(text) ?? {}
    return /^https?:$/.test(protocol ?? "") && !username && !password
  }, { expected: "an http:// or https:// address, without a user or password" })
)
