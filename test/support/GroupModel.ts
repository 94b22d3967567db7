import type { Action, Revised } from "../../src/Consumer/OrderedGroup/GroupRecords.ts"
import { LeaseClock } from "../../src/Consumer/OrderedGroup/LeaseClock.ts"
import type { MemberState } from "../../src/Consumer/OrderedGroup/MemberState.ts"
import {
  type End,
  PartitionScheduler,
  type RunningEvent
} from "../../src/Consumer/OrderedGroup/PartitionScheduler.ts"
import type { Sign } from "../../src/Consumer/OrderedGroup/Silence.ts"
import { Agenda } from "./GroupModel/Agenda.ts"
import { memberOf, type Naivety } from "./GroupModel/Naive.ts"
import { randomOf } from "./GroupModel/Random.ts"

/** Parts of the protocol to leave out, to check that the model detects it. */
export interface Planted extends Naivety {
  /** The database accepts effects of a stale owner. */
  readonly noFence?: boolean
  /** Writes to the store succeed with any expected revision. */
  readonly noCas?: boolean
  /** A suspended machine does not notice that time has passed. */
  readonly noWallClock?: boolean
}

/** What a schedule contains beside members that join. */
export interface Mix {
  readonly deaths: boolean
  readonly stalls: boolean
  readonly leaves: boolean
  readonly outages: boolean
  /** Machines that are suspended, so that their monotonic clock stops. */
  readonly suspensions: boolean
  /** Members that read from a replica that is behind. */
  readonly lags: boolean
}

export const everything: Mix = {
  deaths: true,
  stalls: true,
  leaves: true,
  outages: true,
  suspensions: true,
  lags: true
}

/** The result of a schedule: its violations, and how often each situation occurred. */
export interface Verdict {
  readonly violations: ReadonlyArray<string>
  readonly events: number
  readonly effects: number
  readonly duplicates: number
  readonly fenced: number
  readonly conflicts: number
  readonly takeovers: number
  readonly deaths: number
  readonly stalls: number
  readonly suspensions: number
  readonly lags: number
}

const size = 8
const lease = 3_000
const chaos = 30_000
/** Milliseconds. Enough for the longest handler that began before, and for a takeover. */
const calm = 25_000
const requestTimeout = 1_000

/**
 * Runs one random schedule of joins, deaths, stalls, leaves, delays, lost answers and outages in virtual time. It
 * uses the real `MemberState`, `PartitionScheduler` and `PartitionBuffer`, with a model of the store and of a
 * database with fencing. After the disturbances end, every event must be handled.
 */
export const schedule = (seed: number, planted: Planted = {}, mix: Mix = everything): Verdict =>
  new Schedule(seed, planted, mix).run()

interface Event {
  readonly sequence: number
  readonly size: number
  readonly partition: number
}

/** The contents of the store at one moment. */
interface State {
  readonly members: ReadonlyMap<string, Sign>
  readonly partitions: ReadonlyMap<number, Revised>
}

interface Process {
  readonly id: string
  readonly member: MemberState
  readonly scheduler: PartitionScheduler<Event>
  state: "running" | "leaving" | "gone"
  stalledUntil: number
  /** How long the machine was suspended before the present stall. */
  suspended: number
  /** When the machine was suspended; undefined in any other stall. */
  suspendedAt: number | undefined
  /** The replica that answers the member, while that replica is behind. */
  replica: { readonly until: number; readonly has: State } | undefined
  readonly clock: LeaseClock
}

class Schedule {
  readonly #planted: Planted
  readonly #mix: Mix
  readonly #random: () => number
  readonly #queue = new Agenda()
  readonly #processes: Array<Process> = []
  readonly #log: Array<Event> = []
  readonly #open: ReadonlyArray<Array<number>> = Array.from({ length: size }, () => [])
  #now = 0
  #revision = 0
  readonly #members = new Map<string, Sign>()
  readonly #records = new Map<number, Revised>()
  #before: State | undefined
  #outageUntil = 0
  readonly #fence = new Map<number, number>()
  readonly #last = new Map<number, { readonly token: number; readonly sequence: number }>()
  readonly #accepted = new Set<number>()
  readonly #violations: Array<string> = []
  readonly #counts = {
    effects: 0,
    duplicates: 0,
    fenced: 0,
    conflicts: 0,
    takeovers: 0,
    deaths: 0,
    stalls: 0,
    suspensions: 0,
    lags: 0
  }

  constructor(seed: number, planted: Planted, mix: Mix) {
    this.#planted = planted
    this.#mix = mix
    this.#random = randomOf(seed)
  }

  run(): Verdict {
    for (let index = 0; index < 2; index++) this.#join()
    for (let index = 0; index < 150; index++) this.#at(this.#upTo(chaos), () => this.#append())
    for (let index = 0; index < 12; index++) this.#at(this.#upTo(chaos), () => this.#happen())
    this.#at(chaos, () => {
      this.#outageUntil = 0
      for (const process of this.#processes) process.stalledUntil = Math.min(process.stalledUntil, this.#now)
      if (!this.#processes.some(({ state }) => state === "running")) this.#join()
    })
    for (let next = this.#queue.take(); next !== undefined; next = this.#queue.take()) {
      this.#now = next.time
      if (this.#now > chaos + calm || this.#violations.length > 0) break
      next.run()
      if (this.#now > chaos && this.#isThrough()) break
    }
    if (this.#violations.length === 0 && !this.#isThrough()) this.#violations.push(this.#unfinished())
    return { violations: this.#violations, events: this.#log.length, ...this.#counts }
  }

  #happen(): void {
    const running = this.#processes.filter(({ state }) => state === "running")
    const one = running[Math.floor(this.#random() * running.length)]
    const { deaths, lags, leaves, outages, stalls, suspensions } = this.#mix
    const which = this.#random()
    if (which < 0.3 && running.length < 5) this.#join()
    else if (which < 0.45 && deaths && one) {
      one.state = "gone"
      this.#counts.deaths++
    } else if (which < 0.75 && stalls && one) {
      one.suspended = this.#suspended(one)
      one.suspendedAt = suspensions && this.#random() < 0.3 ? this.#now : undefined
      one.stalledUntil = this.#now + this.#upTo(4 * lease)
      this.#counts.stalls++
      if (one.suspendedAt !== undefined) this.#counts.suspensions++
      if (lags && this.#random() < 0.3) {
        one.replica = { until: one.stalledUntil + this.#upTo(lease), has: this.#state() }
        this.#counts.lags++
      }
    } else if (which < 0.85 && leaves && one) {
      one.state = "leaving"
      one.member.leave()
    } else if (outages) this.#outageUntil = this.#now + this.#upTo(3 * lease)
  }

  #append(): void {
    const partition = Math.floor(this.#upTo(size))
    this.#log.push({ sequence: this.#log.length + 1, size: 1, partition })
    this.#open[partition]?.push(this.#log.length)
  }

  /** The first unhandled event of a partition. */
  #firstOpen(partition: number): number | undefined {
    const open = this.#open[partition] ?? []
    while (open[0] !== undefined && this.#accepted.has(open[0])) open.shift()
    return open[0]
  }

  #join(): void {
    const id = `m${this.#processes.length + 1}`
    const member = memberOf({ id, partitions: size, lease, after: 0 }, this.#planted)
    const monotonic = () => this.#now - this.#suspended(process)
    const process: Process = {
      id,
      member,
      scheduler: new PartitionScheduler(member),
      state: "running",
      stalledUntil: 0,
      suspended: 0,
      suspendedAt: undefined,
      replica: undefined,
      get clock() {
        return clock
      }
    }
    const clock = new LeaseClock(monotonic, this.#planted.noWallClock ? monotonic : () => this.#now)
    this.#processes.push(process)
    this.#tick(process)
    this.#read(process)
  }

  #suspended({ stalledUntil, suspended, suspendedAt }: Process): number {
    return suspendedAt === undefined ? suspended : suspended + Math.min(this.#now, stalledUntil) - suspendedAt
  }

  #tick(process: Process): void {
    const { clock, id, member } = process
    const sentAt = clock.now()
    const again = () => this.#later(process, member.tick, () => this.#tick(process))
    const look = (revision: number) =>
      this.#ask(
        process,
        () => this.#snapshot(process),
        (snapshot) => {
          if (snapshot === undefined) return again()
          const actions = member.look(clock.now(), snapshot, { sentAt, revision })
          this.#align(process)
          for (const action of actions) this.#write(process, action)
          if (process.state === "leaving" && member.owned.size === 0) {
            process.state = "gone"
            this.#members.delete(id)
          }
          again()
        }
      )
    this.#ask(process, () => {
      this.#members.set(id, { revision: ++this.#revision, lease })
      return this.#revision
    }, (revision) => {
      if (revision === undefined) return again()
      this.#naivelyRenew(process, sentAt)
      look(revision)
    })
  }

  #state(): State {
    return { members: new Map(this.#members), partitions: new Map(this.#records) }
  }

  /** What a member reads: sometimes the store is behind, sometimes a key is missing. */
  #snapshot({ replica }: Process): State {
    const isRough = this.#now < chaos
    const isBehind = isRough && this.#random() < 0.05
    const has = isRough && replica !== undefined && this.#now < replica.until
      ? replica.has
      : isBehind && this.#before || this.#state()
    this.#before = has
    if (!isRough || this.#random() >= 0.05) return has
    const partitions = new Map(has.partitions)
    partitions.delete(Math.floor(this.#upTo(size)))
    return { ...has, partitions }
  }

  #write(process: Process, action: Action): void {
    const { member } = process
    this.#ask(process, () => this.#apply(process.id, action), (revision) => {
      if (revision === undefined) return
      if (revision === "conflict") member.refused(action)
      else member.wrote(action, revision)
      this.#align(process)
    })
  }

  #apply(by: string, action: Action): number | "conflict" {
    if (action._tag === "Forget") {
      this.#members.delete(action.member)
      return ++this.#revision
    }
    const before = this.#records.get(action.partition)
    if ((before?.revision ?? 0) !== action.expected && !this.#planted.noCas) {
      this.#counts.conflicts++
      return "conflict"
    }
    const { checkpoint } = action.record
    if (checkpoint < (before?.record.checkpoint ?? 0)) {
      this.#violate(`${by} moved the checkpoint of ${action.partition} back to ${checkpoint}`)
    }
    const open = this.#firstOpen(action.partition)
    if (open !== undefined && open <= checkpoint) {
      this.#violate(`the checkpoint of ${action.partition} passed ${open}, which is not handled`)
    }
    if (action._tag === "Claim" && before?.record.owner != null) this.#counts.takeovers++
    this.#records.set(action.partition, { revision: ++this.#revision, record: action.record })
    return this.#revision
  }

  #align(process: Process): void {
    process.scheduler.align()
    this.#begin(process)
  }

  #read(process: Process): void {
    const { buffer } = process.scheduler
    const after = buffer.after
    const again = () => this.#later(process, 200, () => this.#read(process))
    if (after === undefined) return again()
    this.#ask(process, () => this.#log.slice(after, after + 20), (events) => {
      const last = events?.at(-1)
      if (events && last) buffer.offer(after, last.sequence, events.map((event) => [event.partition, event]))
      this.#begin(process)
      again()
    })
  }

  #begin(process: Process): void {
    for (const begun of process.scheduler.begin(process.clock.now())) {
      this.#checkOwner(process, begun)
      this.#handle(process, begun)
    }
  }

  /** Checks that a member that begins an event owns its partition in the store at that moment. */
  #checkOwner({ id }: Process, { event, owned: { partition, token } }: RunningEvent<Event>): void {
    const found = this.#records.get(partition)
    const newest = found?.record.token ?? found?.revision ?? 0
    if (newest <= token) return
    this.#violate(
      `${id} (token ${token}) began ${event?.sequence} of ${partition}, which has token ${newest}`
    )
  }

  #naivelyRenew({ member }: Process, sentAt: number): void {
    if ("renewed" in member && typeof member.renewed === "function") member.renewed(sentAt)
  }

  /** Applies the handler's effect to the database after a delay, even if the process has ended by then. */
  #handle(process: Process, begun: RunningEvent<Event>): void {
    const end = (end: End) => {
      process.scheduler.end(begun, end)
      this.#begin(process)
    }
    const isRough = this.#now < chaos
    const takes = isRough && this.#random() < 0.05 ? this.#upTo(3 * lease) : this.#upTo(100)
    this.#later(process, takes, () => {
      if (this.#random() < 0.05) {
        const wait = this.#upTo(1_000)
        end({ _tag: "Again", notBefore: process.clock.now() + wait })
        return this.#later(process, wait, () => this.#begin(process))
      }
      const travels = isRough && this.#random() < 0.1 ? this.#upTo(3 * lease) : this.#upTo(20)
      this.#at(this.#now + travels, () => {
        const outcome = this.#effect(process.id, begun)
        this.#later(process, this.#upTo(20), () => end(outcome))
      })
    })
  }

  #effect(by: string, { event, owned: { partition, token } }: RunningEvent<Event>): End {
    const sequence = event?.sequence ?? 0
    if (token < (this.#fence.get(partition) ?? 0) && !this.#planted.noFence) {
      this.#counts.fenced++
      return { _tag: "Fenced" }
    }
    this.#fence.set(partition, token)
    this.#counts.effects++
    const last = this.#last.get(partition)
    const what = `${by} (token ${token}) handled ${sequence} of ${partition}`
    if (last && token < last.token) this.#violate(`${what} after a newer owner (token ${last.token})`)
    if (last && token === last.token && sequence <= last.sequence) {
      this.#violate(`${what} after ${last.sequence}`)
    }
    const open = this.#firstOpen(partition)
    if (open !== undefined && open < sequence) this.#violate(`${what} before ${open}`)
    if (this.#accepted.has(sequence)) this.#counts.duplicates++
    this.#accepted.add(sequence)
    this.#last.set(partition, { token, sequence })
    return { _tag: "Done" }
  }

  /**
   * Sends a request to the store. The request and its answer can be late or lost. The result is undefined after a
   * time-out.
   */
  #ask<A>(process: Process, perform: () => A, answered: (answer: A | undefined) => void): void {
    let isAnswered = false
    const answer = (value: A | undefined) => {
      if (isAnswered) return
      isAnswered = true
      answered(value)
    }
    const isRough = this.#now < chaos
    const there = isRough && this.#random() < 0.03 ? this.#upTo(2 * requestTimeout) : this.#upTo(20)
    this.#later(process, requestTimeout, () => answer(undefined))
    this.#at(this.#now + there, () => {
      if (this.#now < this.#outageUntil || (isRough && this.#random() < 0.01)) return
      const value = perform()
      if (isRough && this.#random() < 0.01) return
      this.#later(process, this.#upTo(20), () => answer(value))
    })
  }

  #isThrough(): boolean {
    return this.#unfinished() === ""
  }

  #unfinished(): string {
    if (this.#accepted.size < this.#log.length) {
      return `${this.#log.length - this.#accepted.size} are not handled`
    }
    const running = this.#processes.filter(({ state }) => state === "running")
    const sizes = running.map(({ member }) => member.owned.size)
    if (this.#processes.some(({ state }) => state === "leaving")) return "a process does not come to leave"
    if (sizes.reduce((sum, owned) => sum + owned, 0) !== size) return `partitions owned: ${sizes.join()}`
    if (Math.max(...sizes) - Math.min(...sizes) > 1) return `out of balance: ${sizes.join()}`
    return ""
  }

  #violate(what: string): void {
    this.#violations.push(`${Math.round(this.#now)} ms: ${what}`)
  }

  #at(time: number, run: () => void): void {
    this.#queue.add(time, run)
  }

  /**
   * Schedules an action of a process. The action waits while the process is stalled, and is dropped once it is gone.
   */
  #later(process: Process, delay: number, run: () => void): void {
    const attempt = () => {
      if (process.state === "gone") return
      if (this.#now < process.stalledUntil) return this.#at(process.stalledUntil, attempt)
      run()
    }
    this.#at(this.#now + delay, attempt)
  }

  #upTo(max: number): number {
    return this.#random() * max
  }
}
