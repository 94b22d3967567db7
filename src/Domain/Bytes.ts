/** A number of bytes for people, in the units of 1,000 that disks are sold by. */
export const bytes = (value: number) => {
  const unit = Math.min(4, Math.floor(Math.log10(Math.max(1, value)) / 3))
  return `${(value / 1000 ** unit).toFixed(unit === 0 ? 0 : 1)} ${["B", "kB", "MB", "GB", "TB"][unit]}`
}
