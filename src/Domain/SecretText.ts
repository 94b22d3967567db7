/**
 * The fewest characters of a secret that is checked. A shorter one can be guessed, or is the beginning of one that is
 * being written.
 */
export const leastLength = 16

/** Whether a text can be a webhook secret. A line end at its end would make every signature wrong. */
export const isSecretText = (text: string): boolean => text.length >= leastLength && !/\p{Cc}/u.test(text)
