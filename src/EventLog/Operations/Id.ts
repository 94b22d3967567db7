import { Effect } from "effect"
import { SecureRandom } from "effect/crypto"

/** Creates an id that sorts by time: a ULID. */
export const newId = SecureRandom.SecureRandom.use(({ ulid }) => ulid).pipe(
  Effect.provide(SecureRandom.layerWebCrypto)
)

/** Whether a text has the form of an id from `newId`. */
export const isId = (text: string) => /^[0-9A-HJKMNP-TV-Z]{26}$/.test(text)
