import { Option, type Redacted, Schema } from "effect"
import { Argument, Flag } from "effect/cli"
import { knownTypes } from "../../Domain/Event.ts"
import { localWebhook } from "../../Domain/WebhookPath.ts"
import { jsonFlag, settingFlag } from "../Flags.ts"
import { HttpUrl } from "../HttpUrl.ts"
import { hasSecret, secretFlags } from "../SecretFlag.ts"
import { wrongUsage } from "../Usage.ts"
import * as Override from "./Override.ts"

const toggle = (name: string, about: string) =>
  Flag.Boolean(name).pipe(Flag.withDescription(about), Flag.withDefault(false))

const OverrideText = Schema.String.check(
  Schema.makeFilter((text) => Override.parse(text) !== undefined, {
    expected: "path=value with a dotted path, such as data.country=CH or data.metadata.tags.0=x"
  })
)

/** The arguments and flags of `threeqpr trigger`. */
export const flags = {
  type: Argument.String("type").pipe(
    Argument.withDescription(`The event type: ${knownTypes.join(", ")}, or any other`),
    Argument.optional
  ),
  count: Flag.Int("count").pipe(
    Flag.withDescription("Number of events"),
    Flag.withSchema(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 1_000_000 }))),
    Flag.withDefault(1)
  ),
  duplicate: toggle("duplicate", "Deliver each event twice"),
  override: Flag.String("override").pipe(
    Flag.withDescription(
      "Set a value of the event: a dotted path from its root, =, and JSON or text; repeatable"
    ),
    Flag.withMetavar("path=value"),
    Flag.withSchema(OverrideText),
    Flag.atLeast(0)
  ),
  data: Flag.String("data").pipe(
    Flag.withDescription("Read the event's data from a JSON file (- is standard input)"),
    Flag.withMetavar("file"),
    Flag.optional
  ),
  raw: Flag.String("raw").pipe(
    Flag.withDescription("Sign and send exactly the bytes of a file (- is standard input)"),
    Flag.withMetavar("file"),
    Flag.optional
  ),
  tamper: toggle(
    "tamper",
    "Change one bit of the body after it is signed. Exits 0 when the receiver refuses it (400 or 401)"
  ),
  unsigned: toggle("unsigned", "Send no signature. Exits 0 when the receiver refuses it (400 or 401)"),
  ...secretFlags("Sign with this secret (default: the one that `serve` uses here)"),
  url: Flag.String("url").pipe(
    Flag.withDescription(`Where to deliver (default ${localWebhook("<PORT>")})`),
    Flag.withSchema(HttpUrl),
    Flag.optional
  ),
  json: jsonFlag.pipe(Flag.withDescription("One JSON object per delivery, for programs")),
  dataDir: settingFlag("data-dir", "dataDir")
}

interface Given {
  readonly type: Option.Option<string>
  readonly override: ReadonlyArray<string>
  readonly data: Option.Option<string>
  readonly raw: Option.Option<string>
  readonly tamper: boolean
  readonly unsigned: boolean
  readonly secret: Option.Option<Redacted.Redacted<string>>
  readonly secretFile: Option.Option<string>
}

/** The error for contradicting flags; undefined when they are consistent. */
export const contradictionOf = (given: Given) => {
  const { data, override, raw, secretFile, tamper, type, unsigned } = given
  const message = Option.isSome(raw)
    ? override.length > 0 || Option.isSome(data)
      ? "--raw sends the file unchanged: omit --override and --data, or change the file."
      : undefined
    : Option.isNone(type)
    ? `Missing required argument: type, such as ${knownTypes[0]} (it is optional only with --raw)`
    : undefined
  const signing = unsigned && tamper
    ? "--unsigned sends no signature that --tamper could break. Give only one of them."
    : unsigned && hasSecret(given)
    ? "--unsigned signs nothing. Omit --secret and --secret-file."
    : [raw, data, secretFile].filter(Option.contains("-")).length > 1
    ? "Standard input can be one of --raw, --data and --secret-file."
    : undefined
  const found = message ?? signing
  return found === undefined ? undefined : wrongUsage(["trigger"], found)
}
