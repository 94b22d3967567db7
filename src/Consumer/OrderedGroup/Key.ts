import { Buffer } from "node:buffer"

/**
 * The partition of a key: the 32-bit FNV-1a hash of its UTF-8 bytes, modulo the number of partitions. It is the same
 * on every machine and never changes.
 */
export const partitionOf = (key: string, partitions: number): number => {
  let hash = 0x811c9dc5
  for (const byte of Buffer.from(key)) hash = Math.imul(hash ^ byte, 0x01000193)
  return (hash >>> 0) % partitions
}
