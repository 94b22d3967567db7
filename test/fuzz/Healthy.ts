import { Agent, request } from "node:http"
import * as Signature from "../../src/Signature/Signature.ts"
import type { Ledger } from "./Ledger.ts"
import { webhook } from "./Request.ts"

/** A client that sends only valid deliveries, and measures how it is served. */
export class Healthy {
  readonly took: Array<number> = []
  /** The results other than 200. */
  readonly harmed: Array<string> = []
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 4 })
  readonly #port: number
  readonly #ledger: Ledger
  #stop = false
  #paused = false

  constructor(port: number, ledger: Ledger) {
    this.#port = port
    this.#ledger = ledger
  }

  /** Delivers an event about every 20 ms, one after the other, until it is stopped. */
  async run(): Promise<void> {
    while (!this.#stop) {
      if (!this.#paused) await this.#deliver()
      await new Promise((wake) => setTimeout(wake, 20))
    }
    this.#agent.destroy()
  }

  /** Pauses deliveries while no client can be served. */
  pause(paused: boolean): void {
    this.#paused = paused
  }

  stop(): void {
    this.#stop = true
  }

  get p50(): number {
    return this.#quantile(0.5)
  }

  get p99(): number {
    return this.#quantile(0.99)
  }

  #quantile(share: number): number {
    return this.took.toSorted((a, b) => a - b)[Math.floor(this.took.length * share)] ?? 0
  }

  #deliver(): Promise<void> {
    const body = this.#ledger.event({ healthy: true })
    const headers = { [Signature.header]: this.#ledger.sign(body), "content-length": body.length }
    const began = performance.now()
    return new Promise((resolve) => {
      const done = (result: string) => {
        this.took.push(performance.now() - began)
        if (result !== "200" && !this.#paused) this.harmed.push(result)
        resolve()
      }
      request({
        port: this.#port,
        host: "127.0.0.1",
        path: webhook,
        method: "POST",
        agent: this.#agent,
        headers
      })
        .on("response", (response) => {
          response.resume()
          response.once("end", () => done(String(response.statusCode)))
          response.once("error", (error) => done(error.message))
        })
        .on("error", (error) => done(error.message))
        .end(body)
    })
  }
}
