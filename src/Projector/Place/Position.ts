/** The id of an event and its sequence in the log. */
export interface Position {
  readonly id: string
  readonly sequence: number
}
