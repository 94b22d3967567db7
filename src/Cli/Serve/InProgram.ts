import type { ServeOptions, Serving } from "./Serving.ts"

/**
 * Runs `threeqpr serve` in this process, and resolves when it is ready. It installs no signal handler, and never ends
 * the process. Its log lines go to standard error. Rejects when an option, a setting or a definition is wrong, or when
 * a part cannot start; nothing runs then.
 */
export const serve = async (options: ServeOptions = {}): Promise<Serving> => {
  // Loaded here, so that importing this entry point loads nothing else.
  const { launch } = await import("./Launch.ts")
  return launch(options)
}
