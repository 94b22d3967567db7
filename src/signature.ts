/**
 * `threeqpr-events/signature`: verifies and creates 3QPR's signatures. It loads only the crypto module of the
 * runtime.
 */
export { type Body, header, type Problem, problemOf, sign, verify } from "./Signature/Standalone.ts"
