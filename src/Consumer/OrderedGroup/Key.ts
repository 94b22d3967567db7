import { Buffer } from "node:buffer"

/** The partition of a key: FNV-1a, 32 bits, of its UTF-8. It is the same everywhere and never changes. */
export const partitionOf = (key: string, partitions: number): number => {
  let hash = 0x811c9dc5
  for (const byte of Buffer.from(key)) hash = Math.imul(hash ^ byte, 0x01000193)
  return (hash >>> 0) % partitions
}
