/** `threeqpr-events/serve`: runs `serve` in a program of your own. */
export { serve } from "./Cli/Serve/InProgram.ts"
export type { ServeOptions, Serving } from "./Cli/Serve/Serving.ts"
export { OptionsInvalid } from "./Process/Options.ts"
