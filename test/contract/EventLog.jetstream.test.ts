// Runs: broker

import { logOnBroker } from "../support/Log.ts"
import { suite } from "./EventLog.ts"

suite("JetStream", logOnBroker)
