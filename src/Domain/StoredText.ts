/**
 * Converts text to a form that Postgres can store. Postgres refuses U+0000 and half of a surrogate pair. Such a
 * character is stored as U+FFFD (�) and a stand-in, the private-use character whose code point is 0x100000 higher.
 * All other text is stored unchanged, except U+FFFD before a stand-in, which is doubled. So each text has one stored
 * form, and each stored form one text.
 */
export const toStored = (text: string): string =>
  needsStandIn.test(text)
    ? text.replaceAll(
      beforeRefused,
      (_, marks: string, refused: string | undefined, standIn: string | undefined) =>
        refused === undefined
          ? marks + marks + standIn
          : marks + marks + mark + String.fromCodePoint(refused.charCodeAt(0) + distance)
    )
    : text

/** Restores a text from its stored form. */
export const fromStored = (stored: string): string =>
  hasStandIn(stored)
    ? stored.replaceAll(beforeStandIn, (_, marks: string, standIn: string) => {
      const rest = marks.slice(0, marks.length >> 1)
      return marks.length % 2 === 0
        ? rest + standIn
        : rest + String.fromCharCode((standIn.codePointAt(0) ?? 0) - distance)
    })
    : stored

/** Whether a text, or JSON without escapes, has a stand-in after U+FFFD. */
export const hasStandIn = (text: string): boolean => markedStandIn.test(text)

/** Whether the stored form of a text in this JSON may differ from the text. */
export const needsStandIns = (json: string): boolean => suspect.test(json)

const mark = "\ufffd"
const distance = 0x10_0000

const needsStandIn = /[\0\ud800-\udfff]|\ufffd[\u{100000}\u{10d800}-\u{10dfff}]/u

const markedStandIn = /\ufffd[\u{100000}\u{10d800}-\u{10dfff}]/u

// Escapes of every character that may need a stand-in, and U+FFFD before the first half of a stand-in.
const suspect = /\\u(?:0000|[dD][89a-fA-F]|[fF]{3}[dD])|\ufffd[\udbc0\udbf6\udbf7]/

// The lookbehind lets a match begin only at the first of many marks, so that the time stays linear.
const beforeRefused = /(?<!\ufffd)(\ufffd*)(?:([\0\ud800-\udfff])|([\u{100000}\u{10d800}-\u{10dfff}]))/gu

const beforeStandIn = /(?<!\ufffd)(\ufffd+)([\u{100000}\u{10d800}-\u{10dfff}])/gu
