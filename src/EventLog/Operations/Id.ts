import { Effect } from "effect"
import { SecureRandom } from "effect/crypto"

/** A new id that sorts by time: a ULID. */
export const newId = SecureRandom.SecureRandom.use(({ ulid }) => ulid).pipe(
  Effect.provide(SecureRandom.layerWebCrypto)
)

/** Whether a text is an id as `newId` makes them. */
export const isId = (text: string) => /^[0-9A-HJKMNP-TV-Z]{26}$/.test(text)
