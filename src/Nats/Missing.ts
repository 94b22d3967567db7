import { NatsError } from "nats"

const consumerNotFound = 10014

/** For a question about a consumer: undefined when the broker says that it has none; any other error stays one. */
export const unlessMissing = (error: unknown): undefined => {
  if (error instanceof NatsError && error.api_error?.err_code === consumerNotFound) return undefined
  throw error
}
