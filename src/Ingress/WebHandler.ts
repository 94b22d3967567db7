import * as Secret from "../Domain/Secret.ts"
import { settings } from "../Process/Config/Settings.ts"
import { checkOptions, OptionsInvalid, type Rule, wholeNumber, wrongOption } from "../Process/Options.ts"
import { defaultBodyBytes } from "./Limits.ts"
import type { BrokerOptions } from "./WebHandler/Broker.ts"
import { Core, type PlainLog, type Target } from "./WebHandler/Core.ts"
import { Deliveries } from "./WebHandler/Deliveries.ts"

export type { PlainLog } from "./WebHandler/Core.ts"

/** Options for receiving deliveries. Add the broker (`natsUrl`) or your own log (`log`). */
export interface ReceiveOptions {
  /**
   * The webhook's secret, or several while it is rotated. A text has the format of THREEQPR_WEBHOOK_SECRET. Each
   * item of a list is one secret, and can end with `;until=` and a time.
   */
  readonly secrets: string | ReadonlyArray<string>
  /** Maximum size of a body in bytes. If undefined, the broker's maximum, but at most 1 MiB. */
  readonly maxBodyBytes?: number | undefined
  /** Maximum number of deliveries that wait for the log; 512 if undefined. Further ones get 503. */
  readonly maxInFlight?: number | undefined
}

export type WebhookOptions = ReceiveOptions & (BrokerOptions | { readonly log: PlainLog })

/** Receives 3QPR's webhooks in any server that uses the web's `Request` and `Response`. */
export interface WebhookHandler extends AsyncDisposable {
  (request: Request): Promise<Response>
  /** Completes the deliveries in flight, answers all further ones with 503, and disconnects. */
  readonly close: () => Promise<void>
}

/**
 * Creates a handler with the responses, limits and deadline of the public listener. It connects to the broker on the
 * first signed delivery and keeps the connection. Throws if an option is invalid.
 */
export const webhookHandler = (options: WebhookOptions): WebhookHandler => {
  checkOptions("webhookHandler", options, rules, ["secrets"])
  const core = new Core(secretsOf(options.secrets) ?? [], targetOf(options))
  const { maxBodyBytes = defaultBodyBytes, maxInFlight = 512 } = options
  const deliveries = new Deliveries(core, { maxBodyBytes, maxInFlight })
  let closed: Promise<void> | undefined
  const close = () => closed ??= deliveries.close().then(() => core.close())
  return Object.assign((request: Request) => deliveries.handle(request), {
    close,
    [Symbol.asyncDispose]: close
  })
}

const targetOf = (options: WebhookOptions): Target => {
  if ("log" in options && options.log !== undefined) {
    if (!("natsUrl" in options)) return { log: options.log }
  } else if ("natsUrl" in options && options.natsUrl !== undefined) return { broker: options }
  throw new OptionsInvalid(
    wrongOption(
      "webhookHandler",
      "natsUrl",
      "log" in options ? "given together with log" : "undefined",
      "the address of a NATS server, such as nats://127.0.0.1:4222; or log, but not both"
    )
  )
}

const isText = (value: unknown): value is string => typeof value === "string" && value !== ""

const text: Rule = { allows: isText, allowed: "text" }

const hidden: Rule = { ...text, secret: true }

const isPlainLog = (value: unknown) =>
  typeof value === "object" && value !== null && "append" in value && typeof value.append === "function"

const isTls = (value: unknown) =>
  typeof value === "object" && value !== null
  && Object.entries(value).every(([name, file]) =>
    ["ca", "cert", "key"].includes(name) && (file === undefined || isText(file))
  )

/** The secrets of the option; undefined when one of them is invalid. */
const secretsOf = (value: unknown): ReadonlyArray<Secret.Secret> | undefined => {
  if (isText(value)) return settings.secrets.parse(value)
  const list: ReadonlyArray<unknown> = Array.isArray(value) ? value : []
  const secrets = list.filter(isText).map(Secret.parse).filter((secret) => secret !== undefined)
  return secrets.length > 0 && secrets.length === list.length ? secrets : undefined
}

const areServers = (value: unknown) => {
  const list: ReadonlyArray<unknown> = Array.isArray(value) ? value : [value]
  const urls = list.flatMap((url) => typeof url === "string" ? url.split(",") : [""])
  return urls.length > 0 && urls.every((url) => /^(nats|tls):$/.test(URL.parse(url.trim())?.protocol ?? ""))
}

const rules: Readonly<Record<string, Rule>> = {
  secrets: {
    allows: (value) => secretsOf(value) !== undefined,
    allowed:
      `3QPR's secret or a list of secrets, each of at least ${Secret.leastLength} characters without line breaks`,
    secret: true
  },
  natsUrl: {
    allows: areServers,
    allowed: "an address that begins with nats:// or tls://, or a list of them",
    // An address can hold a password.
    secret: true
  },
  token: hidden,
  user: text,
  password: hidden,
  credentialsFile: { ...text, allowed: "the path of a file" },
  tls: { allows: isTls, allowed: "an object with the paths ca, cert and key" },
  replicas: wholeNumber(1, 5),
  log: { allows: isPlainLog, allowed: "an object with a function append" },
  maxBodyBytes: wholeNumber(1_024, 67_108_864, "bytes"),
  maxInFlight: wholeNumber(1, 65_536)
}
