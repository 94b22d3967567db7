import { useSignal } from "@preact/signals"
import { useCallback, useEffect, useRef } from "preact/hooks"
import { ask, Problem } from "./Api.js"

/**
 * The result of the last load. `fresh` is false while the data of a new key are still loading.
 * @template T
 * @typedef {{ data?: T, problem?: Problem, loading: boolean, fresh: boolean, reload: () => void }} Loaded
 */

/**
 * Loads data when `key` changes, and every `every` milliseconds while the page is visible. The previous data stay on
 * screen until the next response, so that the layout does not jump. After a problem they stay only if the key is the
 * same.
 * @template T
 * @param {string} key
 * @param {(signal: AbortSignal) => Promise<T>} load
 * @param {number} [every]
 * @returns {Loaded<T>}
 */
export const useLoaded = (key, load, every) => {
  const state = useSignal(
    /** @type {{ key: string, data?: T, problem?: Problem, loading: boolean }} */ ({ key, loading: true })
  )
  const latest = useRef(load)
  latest.current = load
  const abort = useRef(/** @type {AbortController | undefined} */ (undefined))
  const run = useCallback(async () => {
    abort.current?.abort()
    const mine = abort.current = new AbortController()
    state.value = { ...state.value, loading: true }
    try {
      const data = await latest.current(mine.signal)
      if (!mine.signal.aborted) state.value = { key, data, loading: false }
    } catch (error) {
      if (mine.signal.aborted) return
      const problem = error instanceof Problem ? error : new Problem(0, "Unexpected", String(error))
      state.value = state.value.key === key
        ? { ...state.value, problem, loading: false }
        : { key, problem, loading: false }
    }
  }, [key])
  useEffect(() => {
    void run()
    const timer = every && setInterval(() => document.hidden || state.peek().loading || void run(), every)
    return () => {
      clearInterval(timer)
      abort.current?.abort()
    }
  }, [run, every])
  const { data, key: of, loading, problem } = state.value
  return {
    ...data !== undefined && { data },
    ...problem !== undefined && of === key && { problem },
    loading,
    fresh: of === key,
    reload: () => void run()
  }
}

/**
 * Loads the answer to a GET of the private listener, as `useLoaded` does.
 * @param {string} path
 * @param {number} [every]
 * @returns {Loaded<any>}
 */
export const useAnswer = (path, every) => useLoaded(path, (signal) => ask(path, { signal }), every)
