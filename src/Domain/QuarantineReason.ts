import { Schema } from "effect"

/** Why a signed body is quarantined. */
export const QuarantineReason = Schema.Literals(["invalid_json", "invalid_envelope", "invalid_data"])
