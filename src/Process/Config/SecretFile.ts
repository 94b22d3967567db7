import { readFileSync } from "node:fs"
import { messageOf } from "../Failure.ts"

/** The content of a secret's file, or the fault that prevents its use. */
export const contentOf = (variable: string, file: string): string | { readonly fault: string } => {
  const named = `${variable}_FILE is ${JSON.stringify(file)}`
  try {
    return readFileSync(file, "utf8").trim() ||
      { fault: `${named}. That file is empty; it must contain ${variable}.` }
  } catch (error) {
    return { fault: `${named}. That file cannot be read: ${messageOf(error)}` }
  }
}
