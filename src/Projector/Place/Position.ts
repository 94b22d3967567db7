/** An event by its id, and where it stands in the log. */
export interface Position {
  readonly id: string
  readonly sequence: number
}
