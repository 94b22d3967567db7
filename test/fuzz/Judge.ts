import type { Case } from "./Case.ts"
import { hashOf, type Ledger } from "./Ledger.ts"
import type { Next } from "./Next.ts"
import type { Exchange } from "./Wire.ts"

/** How a request behind a refused one on the same connection is counted. */
export const secondRequest = "second request behind a refused one"

/** Compares answers with the permitted ones, counts them, and records problems. */
export class Judge {
  readonly problems: Array<string> = []
  /** The number of cases by kind. */
  readonly kinds: Record<string, number> = {}
  readonly statuses: Record<string, number> = {}
  readonly #ledger: Ledger
  readonly #times = new Map<string, number>()

  constructor(ledger: Ledger) {
    this.#ledger = ledger
  }

  /** Records a problem. The first three of a kind are enough. */
  readonly found = (kind: string, what: string): void => {
    const times = (this.#times.get(kind) ?? 0) + 1
    this.#times.set(kind, times)
    if (times <= 3) this.problems.push(`${kind}: ${what}`)
  }

  /** Checks an exchange of any kind. */
  look(kind: string, { end, responses, rest }: Exchange): void {
    this.#count(kind)
    for (const { status } of responses) {
      this.statuses[status] = (this.statuses[status] ?? 0) + 1
      if (status >= 500 && status !== 503 && status !== 505) this.found(kind, `answered ${status}`)
    }
    if (rest !== "") this.found(kind, `came over the wire: ${JSON.stringify(rest)}`)
    if (end === "timeout") {
      this.found(kind, `neither an answer nor an end, after ${responses.length} answers`)
    }
  }

  /** Checks one connection of a storm. */
  readonly see = (
    kind: string,
    done: Exchange,
    allowed: ReadonlyArray<number>,
    mustAnswer = false
  ): void => {
    this.look(kind, done)
    for (const { status } of done.responses) {
      if (!allowed.includes(status)) this.found(kind, `answered ${status}, not ${allowed.join(" or ")}`)
    }
    if (mustAnswer && done.responses.length === 0) this.found(kind, "no answer")
  }

  /** Checks a case, and the request behind it. */
  judge(one: Case, done: Exchange, next: Next | undefined): void {
    this.look(one.kind, done)
    if (done.continued) this.#judgeNext(one, done, next)
    const own = done.continued ? done.responses.slice(0, one.answers.length) : done.responses
    for (const [index, { body, status }] of own.entries()) {
      const allowed = one.answers[index] ?? []
      if (!allowed.includes(status)) {
        const answer = `${status} ${JSON.stringify(body.slice(0, 200))}`
        this.found(
          one.kind,
          `request ${index + 1} was answered ${answer}, not ${allowed.join(" or ")}: ${shown(one)}`
        )
      }
      const signed = one.bodies?.[index]
      if (status !== 200 || !body.includes(`"duplicate"`)) continue
      const receipt = JSON.parse(body)
      const id = receipt.id ?? (signed && `sha256:${hashOf(signed)}`)
      if (id !== undefined) this.#ledger.stored.add(id)
    }
    // After an answer with `Connection: close`, the server does not read what follows an unread body.
    const closed = one.listener === "private" && done.responses.at(-1)?.closes === true
    if (!one.mayClose && !closed && done.responses.length < one.answers.length) {
      this.found(one.kind, `${done.responses.length} answers of ${one.answers.length}: ${shown(one)}`)
    }
  }

  #judgeNext(one: Case, done: Exchange, next: Next | undefined): void {
    this.#count(secondRequest)
    const second = done.responses[one.answers.length]
    if (second?.status !== 200) {
      this.found(one.kind, `the next request got ${second?.status ?? "no answer"}: ${shown(one)}`)
    } else if (next?.id !== undefined) this.#ledger.stored.add(next.id)
  }

  #count(kind: string): void {
    this.kinds[kind] = (this.kinds[kind] ?? 0) + 1
  }
}

const shown = ({ steps }: Case) =>
  steps.map((step) =>
    typeof step === "object"
      ? JSON.stringify(String.fromCharCode(...step.subarray(0, 160))).slice(0, 300)
      : step
  )
    .slice(0, 3).join(" ")
