/** The parts of `serve`. One process can have several; several processes can have the same. */
export const roles = ["ingress", "projector", "admin"] as const

export type Role = (typeof roles)[number]
