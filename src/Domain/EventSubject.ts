/** The subject filter for all events. */
export const eventSubjects = "3qpr.events.>"

/** The subject of events of a type. A type is a valid subject. */
export const eventSubject = (type: string) => `3qpr.events.${type}`

/** The event type of a subject. */
export const typeOf = (subject: string) => subject.replace(/^3qpr\.events\./, "")
