/** A place in the source that protects, and what stands there when it does not. */
export interface Edit {
  readonly file: string
  /** Occurs exactly once in the file. */
  readonly text: string
  readonly without: string
}

/** One protection, the edits that take it away, and the test that has to fail then. */
export interface Protection {
  /** Rows of the docs' tables of faults and threats, or `promise N` of ARCHITECTURE's promises. */
  readonly rows: ReadonlyArray<string>
  /** What protects, in words; the catalogue has each once. */
  readonly name: string
  /** One edit, or more where two guards stand behind each other. */
  readonly edits: ReadonlyArray<Edit>
  readonly test: string
  /** Of the test, or of the group of tests, as written in its file or in the suite that this imports. */
  readonly title: string
}

export const edit = (file: string, text: string, without: string): Edit => ({ file, text, without })
