/**
 * Minimum number of characters of a secret. A shorter one can be guessed, or is the beginning of one that is still
 * being written.
 */
export const leastLength = 16

/** Whether a text can be a webhook secret. A trailing line end would make every signature wrong. */
export const isSecretText = (text: string): boolean => text.length >= leastLength && !/\p{Cc}/u.test(text)
