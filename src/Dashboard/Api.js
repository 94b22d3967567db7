import { credentials, token, unauthorized } from "./Session.js"

/** An error response of the private listener; status 0 when no response arrived. */
export class Problem extends Error {
  /** @param {number} status @param {string} title @param {string} detail */
  constructor(status, title, detail) {
    super(detail)
    this.status = status
    this.title = title
  }
}

/**
 * Sends a request to the private listener.
 * @template T
 * @param {string} path
 * @param {{ signal?: AbortSignal, body?: unknown }} [options] with a body it is a POST
 * @returns {Promise<T>}
 */
export const ask = async (path, { body, signal } = {}) => {
  const used = token.value
  const response = await reach(path, {
    ...signal && { signal },
    ...body !== undefined && { method: "POST", body: JSON.stringify(body) },
    headers: {
      ...credentials(),
      accept: "application/json",
      ...body !== undefined && { "content-type": "application/json" }
    }
  })
  if (response.status === 401) unauthorized(used)
  if (!response.ok) throw await problemOf(response)
  return await response.json()
}

/** Fetches; throws a `Problem` when no response arrives. @param {string} path @param {RequestInit} init */
export const reach = async (path, init) => {
  try {
    return await fetch(path, { cache: "no-store", credentials: "omit", redirect: "error", ...init })
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error
    throw new Problem(0, "No answer", "The private listener does not answer. Is `threeqpr serve` running?")
  }
}

/** @param {Response} response */
export const problemOf = async (response) => {
  const told = await response.json().catch(() => ({}))
  const { detail = `The answer was ${response.status}.`, title = response.statusText } = told
  return new Problem(response.status, title, detail)
}

/** A query string of the parameters that are set. @param {Record<string, string | number | undefined>} parameters */
export const query = (parameters) => {
  const set = Object.entries(parameters).flatMap(([name, value]) =>
    value === undefined || value === "" ? [] : [[name, String(value)]]
  )
  return set.length === 0 ? "" : `?${new URLSearchParams(set)}`
}
