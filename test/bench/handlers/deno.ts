/** The web handler in `Deno.serve`. */
import process from "node:process"
import { webhookHandler } from "../../../src/ingress.ts"
import { denoServe } from "../../support/DenoServe.ts"
import { options } from "./options.ts"

denoServe(Number(process.env["PORT"]), webhookHandler(options))
