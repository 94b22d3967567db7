/** The faults between 3QPR and a receiver, each with the share of events that it affects and a description. */
export const faults = {
  duplicates: { share: 0.03, about: "delivered again 1 to 3 times after it was accepted" },
  reordering: { share: 0.03, about: "held back, so that later events overtake it" },
  delays: { share: 0.02, about: "its body is sent in two parts, 50 to 500 ms apart" },
  "lost-answers": { share: 0.02, about: "cut off before the answer, and therefore retried" },
  tampered: { share: 0.02, about: "a copy is also sent, with a byte changed after signing" },
  "wrong-secret": { share: 0.02, about: "a forgery is also sent, signed with another secret" },
  "old-secret": { share: 0.02, about: "a forgery is also sent, signed with a former secret" },
  unsigned: { share: 0.02, about: "a forgery is also sent, without a signature" },
  bursts: { share: 0.25, about: "50 to 200 events at once, one time in 500" },
  "unknown-types": { share: 0.02, about: "of an unknown type" },
  malformed: { share: 0.02, about: "signed, but not JSON, without a usable id, or with unusable data" }
} as const satisfies Record<string, { readonly share: number; readonly about: string }>

export type FaultName = keyof typeof faults

export const isFaultName = (name: string): name is FaultName => Object.hasOwn(faults, name)

/** The names of all faults, in the order in which they are shown. */
export const faultNames: ReadonlyArray<FaultName> = Object.keys(faults).filter(isFaultName)
