import { Console, Effect } from "effect"
import { Command } from "effect/cli"
import { HttpClientRequest } from "effect/http"
import { AdminUnreachable, nothingAnswers, refusalOf } from "../Admin/Client.ts"
import * as AdminToken from "../Process/AdminToken.ts"
import { load } from "../Process/Config.ts"
import { adminUrl, adminUrlFlag, given, settingFlag, warnOfPlainToken } from "./Flags.ts"

/** `threeqpr dashboard`: prints a link that signs a browser in once. */
export const dashboard = Command.make(
  "dashboard",
  { adminUrl: adminUrlFlag, dataDir: settingFlag("data-dir", "dataDir") },
  Effect.fnUntraced(function*({ dataDir, ...flags }) {
    const settings = yield* load(given({ dataDir }))
    const url = adminUrl(flags.adminUrl, settings)
    const config = yield* AdminToken.withKept(settings, url)
    yield* warnOfPlainToken(url, config)
    const { askPrivate } = yield* Effect.promise(() => import("./Examine/Http.ts"))
    const answer = yield* askPrivate(HttpClientRequest.get(`${url}/openapi.json`), config)
    if (answer === undefined) return yield* nothingAnswers(url)
    const refusal = refusalOf(url, answer.status)
    if (refusal !== undefined) return yield* refusal
    if (answer.status !== 200) {
      return yield* new AdminUnreachable({
        message:
          `${url} has no dashboard: it answers ${answer.status}. Set --admin-url to a listener with the role admin.`,
        transient: false
      })
    }
    const { adminToken } = config
    if (adminToken === undefined) return yield* Console.log(`${url}/`)
    const SignIn = yield* Effect.promise(() => import("../Process/SignInCode.ts"))
    yield* Console.log(yield* SignIn.linkTo(url, adminToken))
    yield* Console.error("This link signs a browser in once, within 10 minutes.")
  })
).pipe(
  Command.withDescription("Print a link that opens the dashboard and signs the browser in, once"),
  Command.withExamples([
    { command: "threeqpr dashboard", description: "For the server on this machine" },
    {
      command: "threeqpr dashboard --admin-url http://127.0.0.1:13001",
      description: "For another server, through an SSH tunnel; set its ADMIN_TOKEN"
    }
  ])
)
