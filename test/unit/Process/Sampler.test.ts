import { assert, describe, it } from "@effect/vitest"
import { Context, Option, Tracer } from "effect"
import { sampled, type Sampler } from "../../../src/Process/Telemetry/Sampler.ts"

const caller = (sampled: boolean, traceId = "0".repeat(16) + "f".repeat(16)) =>
  Tracer.externalSpan({ traceId, spanId: "00f067aa0ba902b7", sampled })

interface Asked {
  readonly kind?: Tracer.SpanKind
  readonly parent?: Tracer.AnySpan
  readonly links?: ReadonlyArray<Tracer.AnySpan>
  readonly sampled?: boolean
}

const spanOf = (
  sampler: Sampler,
  ratio: number,
  { kind = "server", links = [], parent, ...asked }: Asked = {}
) =>
  sampled(Tracer.nativeTracer, sampler, ratio).span({
    name: "a span",
    parent: Option.fromUndefinedOr(parent),
    annotations: Context.empty(),
    links: links.map((span) => ({ span, attributes: {} })),
    startTime: 0n,
    kind,
    root: parent === undefined,
    // As Effect does: a child of a span that is not sampled is not sampled either.
    sampled: asked.sampled ?? parent?.sampled !== false
  })

const decides = (...asked: Parameters<typeof spanOf>) => spanOf(...asked).sampled

describe("the sampler", () => {
  it("follows the caller's decision when it is parent-based, and otherwise ignores it", () => {
    assert.isTrue(decides("parentbased_always_off", 1, { parent: caller(true) }))
    assert.isFalse(decides("parentbased_always_on", 1, { parent: caller(false) }))
    assert.isTrue(decides("always_on", 1, { parent: caller(false) }))
    assert.isFalse(decides("always_off", 1, { parent: caller(true) }))
  })

  it("samples new traces of requests, appends and batches, and no other new traces", () => {
    for (const kind of ["server", "producer", "consumer"] as const) {
      assert.isTrue(decides("parentbased_always_on", 1, { kind }))
      assert.isFalse(decides("parentbased_always_off", 1, { kind }))
    }
    for (const kind of ["internal", "client"] as const) assert.isFalse(decides("always_on", 1, { kind }))
  })

  it("applies its decision to all spans of a trace", () => {
    for (const sampler of ["traceidratio", "parentbased_traceidratio"] as const) {
      for (let round = 0; round < 50; round++) {
        const parent = spanOf(sampler, 0.5)
        assert.strictEqual(decides(sampler, 0.5, { kind: "client", parent }), parent.sampled)
      }
    }
  })

  it("records about its share of traces, chosen by the trace id alone", () => {
    const roots = Array.from({ length: 2_000 }, () => decides("traceidratio", 0.25))
    const share = roots.filter(Boolean).length / roots.length
    assert.isAbove(share, 0.2)
    assert.isBelow(share, 0.3)
    assert.isTrue(decides("traceidratio", 0.01, { parent: caller(true) }))
    assert.isFalse(decides("traceidratio", 0.99, { parent: caller(true, "f".repeat(18) + "0".repeat(14)) }))
    assert.isFalse(decides("traceidratio", 0, { parent: caller(true) }))
  })

  it("records a batch only if one of its events is recorded", () => {
    assert.isTrue(decides("parentbased_always_off", 1, { kind: "consumer", links: [caller(true)] }))
    assert.isFalse(decides("parentbased_always_on", 1, { kind: "consumer", sampled: false }))
  })
})
