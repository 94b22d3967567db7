import { Clock, Console, Effect, Option, Redacted } from "effect"
import { Command, Flag } from "effect/cli"
import { load } from "../../Process/Config.ts"
import { diagnose, type Diagnosis, type KnownSecret, labelled } from "../../Signature/SignatureDoctor.ts"
import * as WebhookSecret from "../../Signature/WebhookSecret.ts"
import { CommandFailed } from "../CommandFailed.ts"
import { receiversWithOthers, remedy } from "../Examine/RunningSecrets.ts"
import { adminUrl, adminUrlFlag, given, jsonFlag, settingFlag } from "../Flags.ts"
import { bytesOf } from "../Input.ts"
import { paint, printJson } from "../Output.ts"
import { secretFlags, secretOf } from "../SecretFlag.ts"
import { wrongUsage } from "../Usage.ts"
import { wrap } from "../Wrap.ts"

/** `threeqpr doctor signature`: explains why a captured webhook was refused. */
export const signature = Command.make(
  "signature",
  {
    body: Flag.String("body").pipe(
      Flag.withDescription("File with the raw bytes of the request body (- is standard input)"),
      Flag.withMetavar("file")
    ),
    signature: Flag.String("signature").pipe(
      Flag.withDescription("The value of X-3QPR-Signature as it was received, or the whole header line"),
      Flag.withMetavar("header")
    ),
    ...secretFlags("The active secret (default: the one that `serve` uses here)"),
    oldSecretsFile: Flag.String("old-secrets-file").pipe(
      Flag.withDescription("File with secrets that are no longer active, one per line"),
      Flag.withMetavar("file"),
      Flag.optional
    ),
    dataDir: settingFlag("data-dir", "dataDir"),
    adminUrl: adminUrlFlag,
    json: jsonFlag
  },
  Effect.fnUntraced(function*({ body, dataDir, json, oldSecretsFile, signature, ...flags }) {
    const config = yield* load(given({ dataDir }))
    if (body === "-" && Option.contains(flags.secretFile, "-")) {
      return yield* wrongUsage(
        ["doctor", "signature"],
        "Standard input can be --body or --secret-file, not both."
      )
    }
    const secret = yield* secretOf("doctor", flags)
    const active: ReadonlyArray<KnownSecret> = Option.isSome(secret)
      ? [{ label: "the secret of --secret", secret: secret.value }]
      : labelled((yield* WebhookSecret.find(config)).secrets, yield* Clock.currentTimeMillis)
    const old = Option.isSome(oldSecretsFile) ? yield* oldSecrets(oldSecretsFile.value) : []
    const diagnosis = diagnose({
      body: yield* bytesOf("body", body),
      signature: valueOf(signature),
      secrets: [...active, ...old]
    })
    yield* json ? printJson(diagnosis) : show(diagnosis)
    if (Option.isNone(secret)) {
      const url = adminUrl(flags.adminUrl, config)
      const values = active.filter(({ old }) => old !== true).map(({ secret }) => secret)
      const others = yield* receiversWithOthers(config, url, values)
      if (others !== undefined && others.length > 0) {
        return yield* new CommandFailed({
          message:
            `The check used the secret that is set here. ${others.join(", ")} behind ${url} uses a different `
            + `secret. ${remedy}`
        })
      }
    }
    if (diagnosis.result !== "valid") return yield* new CommandFailed({ message: conclusionOf(diagnosis) })
  })
).pipe(
  Command.withDescription("Explain why a captured webhook's signature is refused, and what to do"),
  Command.withExamples([
    {
      command: `threeqpr doctor signature --body body.json --signature "sha256=5d41…"`,
      description: "Check a captured request against the secret that is set here"
    },
    {
      command:
        "curl -s localhost:9000/last | threeqpr doctor signature --body - --signature \"$HEADER\" --json",
      description: "For programs: the result, the failed check, and the causes"
    }
  ])
)

const oldSecrets = Effect.fnUntraced(function*(file: string) {
  const lines = (yield* bytesOf("old-secrets-file", file)).toString("utf8").split(/\r?\n/)
  return lines.map((line) => line.trim()).filter((line) => line !== "").map((line, index): KnownSecret => ({
    label: `old secret ${index + 1}`,
    secret: Redacted.make(line),
    old: true
  }))
})

/** The value in a header line, without the white space around it, as HTTP defines it. */
const valueOf = (text: string) => {
  const [, value] = /^\s*[<>]?\s*x-3qpr-signature\s*:(.*)$/is.exec(text) ?? []
  return value === undefined ? text : value.trim()
}

const show = Effect.fnUntraced(function*({ causes, remaining, result, summary }: Diagnosis) {
  const { bold, dim, green, red, yellow } = yield* paint
  const paragraph = (mark: string, text: string) =>
    Effect.forEach(wrap(text, 2), (line, at) => Console.log((at === 0 ? `${mark} ` : "  ") + line))
  yield* Console.log(result === "valid" ? green(bold(result)) : red(bold(result)))
  yield* paragraph(result === "valid" ? green("✓") : red("✗"), summary)
  for (const { cause, explanation, remedy, secret } of causes) {
    yield* Console.log(`\n${yellow(bold(cause))} ${dim(`(it matches ${secret})`)}`)
    yield* paragraph("!", explanation)
    yield* paragraph("→", remedy)
  }
  if (remaining.length > 0) {
    yield* Console.log(`\n${bold("No known cause explains the signature. Possible causes:")}`)
  }
  for (const text of remaining) yield* paragraph("·", text)
})

const conclusionOf = ({ causes, result }: Diagnosis) =>
  causes.length > 0
    ? `${result}: ${causes.length === 1 ? "one cause was" : `${causes.length} causes were`} found.`
    : `${result}: no known cause was found.`
