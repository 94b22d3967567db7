import { ByteSize } from "effect"

/** Formats a number of bytes for people, in the decimal units of disks. */
export const bytes = (value: number) =>
  ByteSize.format(ByteSize.bytes(value), {
    system: "decimal",
    precision: value < 1_000 ? 0 : 1,
    trailingZeros: true
  })
