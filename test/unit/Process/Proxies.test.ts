import { assert, describe, it } from "@effect/vitest"
import { bypassForLoopback } from "../../../src/Process/Proxies.ts"

const bypassed = (environment: Record<string, string | undefined>) => {
  bypassForLoopback(environment)
  return environment
}

describe("requests to this machine", () => {
  it("bypass the proxy, whichever variable names it", () => {
    for (const name of ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "all_proxy"]) {
      const { NO_PROXY, no_proxy } = bypassed({ [name]: "http://proxy:3128" })
      assert.strictEqual(NO_PROXY, "localhost,127.0.0.1,::1,[::1]")
      assert.strictEqual(no_proxy, NO_PROXY)
    }
  })

  it("are added to the existing exceptions", () => {
    const { NO_PROXY } = bypassed({ HTTP_PROXY: "http://proxy", NO_PROXY: "example.com, localhost" })
    assert.strictEqual(NO_PROXY, "example.com,localhost,127.0.0.1,::1,[::1]")
  })

  it("change nothing without a proxy", () => {
    assert.deepStrictEqual(bypassed({ NO_PROXY: "x" }), { NO_PROXY: "x" })
  })
})
