import { Schema } from "effect"
import { Flag } from "effect/cli"
import { localWebhook } from "../../Domain/WebhookPath.ts"
import { faultNames, isFaultName } from "../../Provider/Simulator/Faults.ts"
import { adminUrlFlag, jsonFlag, settingFlag } from "../Flags.ts"
import { HttpUrl } from "../HttpUrl.ts"
import { secretFlags } from "../SecretFlag.ts"

const positive = (minimum: number, maximum: number) =>
  Schema.Number.check(Schema.isBetween({ minimum, maximum }))

const Faults = Schema.String.check(
  Schema.makeFilter((text) => text === "all" || text.split(",").every(isFaultName), {
    expected: `all, or some of ${faultNames.join(",")}`
  })
)

/** The flags of `threeqpr simulate`. */
export const flags = {
  url: Flag.String("url").pipe(
    Flag.withDescription(`The webhook (default ${localWebhook("<PORT>")})`),
    Flag.withSchema(HttpUrl),
    Flag.optional
  ),
  apiPort: Flag.Int("api-port").pipe(
    Flag.withDescription(
      "Also serve 3QPR's API on this port (0: a free port), and deliver to the webhooks registered with it"
    ),
    Flag.withSchema(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 65_535 }))),
    Flag.optional
  ),
  adminUrl: adminUrlFlag,
  ...secretFlags("The webhook's secret (default as `trigger`: THREEQPR_WEBHOOK_SECRET, or DATA_DIR's)"),
  rate: Flag.Finite("rate").pipe(
    Flag.withDescription("Events per second, independent of the answers (default 10)"),
    Flag.withSchema(positive(0.001, 100_000)),
    Flag.withDefault(10)
  ),
  count: Flag.Int("count").pipe(
    Flag.withDescription("Number of events (default: until Ctrl-C)"),
    Flag.withSchema(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 100_000_000 }))),
    Flag.optional
  ),
  seed: Flag.String("seed").pipe(
    Flag.withDescription("Repeat the run with this seed, with new ids (default: a new seed)"),
    Flag.withSchema(Schema.String.check(Schema.isPattern(/^[\w.-]{1,64}$/, {
      expected: "1 to 64 letters, digits, _, . or -"
    }))),
    Flag.optional
  ),
  speed: Flag.Finite("speed").pipe(
    Flag.withDescription(
      "Divide the waits between retries by this number (default 1); the 5-second answer limit is unchanged"
    ),
    Flag.withSchema(positive(0.001, 1_000_000)),
    Flag.withDefault(1)
  ),
  faults: Flag.String("faults").pipe(
    Flag.withDescription(
      `Faults to cause (default: none): all, or names separated by commas, of ${faultNames.join(", ")}`
    ),
    Flag.withSchema(Faults),
    Flag.optional
  ),
  verify: Flag.Boolean("verify").pipe(
    Flag.withDescription("At the end, compare accepted events with stored and projected events"),
    Flag.withDefault(false)
  ),
  json: jsonFlag,
  dataDir: settingFlag("data-dir", "dataDir")
}
