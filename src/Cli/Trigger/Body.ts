import { Effect, Option, Result } from "effect"
import { Buffer } from "node:buffer"
import { parseExact } from "../../Domain/ExactJson.ts"
import { sampleOf } from "../../Provider/Simulator/Samples.ts"
import { CommandFailed } from "../CommandFailed.ts"
import { bytesOf } from "../Input.ts"
import { wrongUsage } from "../Usage.ts"
import * as Override from "./Override.ts"

export interface BodyOptions {
  readonly type: Option.Option<string>
  readonly override: ReadonlyArray<string>
  readonly data: Option.Option<string>
  readonly raw: Option.Option<string>
}

/**
 * Reads the input files once. Returns an effect that creates the body of each event: a new sample, or the same bytes.
 */
export const bodies = Effect.fnUntraced(function*({ data, override, raw, type }: BodyOptions) {
  if (Option.isSome(raw)) return Effect.succeed<Uint8Array>(yield* bytesOf("raw", raw.value))
  const ownData = Option.isSome(data) ? { data: yield* jsonOf("data", data.value) } : {}
  const overrides = override.flatMap((text) => Override.parse(text) ?? [])
  return Effect.gen(function*() {
    let event: unknown = { ...(yield* sampleOf(Option.getOrElse(type, () => ""))), ...ownData }
    for (const one of overrides) {
      const changed = Override.apply(event, one)
      if (Result.isFailure(changed)) return yield* wrongUsage(["trigger"], `--override: ${changed.failure}.`)
      event = changed.success
    }
    return new Uint8Array(Buffer.from(JSON.stringify(event)))
  })
})

const jsonOf = Effect.fnUntraced(function*(flag: string, file: string) {
  const bytes = yield* bytesOf(flag, file)
  return yield* Effect.try({
    try: (): unknown => parseExact(utf8.decode(bytes)),
    catch: () =>
      new CommandFailed({ message: `--${flag} ${file} is not JSON. Use --raw to send other content.` })
  })
})

const utf8 = new TextDecoder("utf-8", { fatal: true })
