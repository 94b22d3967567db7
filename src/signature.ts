/** `threeqpr-events/signature`: check and make 3QPR's signatures. It loads nothing but the crypto of the runtime. */
export { type Body, header, type Problem, problemOf, sign, verify } from "./Signature/Standalone.ts"
