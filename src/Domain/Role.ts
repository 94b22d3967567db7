/** The roles of `serve`. A process can have several roles, and several processes can have the same role. */
export const roles = ["ingress", "projector", "admin"] as const

export type Role = (typeof roles)[number]
