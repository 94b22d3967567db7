/** All events. */
export const eventSubjects = "3qpr.events.>"

/** The subject of an event of a type; the type is a subject as it stands. */
export const eventSubject = (type: string) => `3qpr.events.${type}`

/** The type of the event of a subject. */
export const typeOf = (subject: string) => subject.replace(/^3qpr\.events\./, "")
