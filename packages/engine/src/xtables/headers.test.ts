/** A long chain's list passes over the rules that do not match, and no others. */
import fc from "fast-check";
import { expect, it } from "vitest";
import { VirtualClock } from "../clock.js";
import { HookState, NFPROTO_IPV4 } from "../hooks.js";
import { NetNamespace } from "../netns.js";
import { SeededRandom } from "../random.js";
import { buildIPv4 } from "../wire/ipv4.js";
import { Chain } from "./chain.js";
import { headersOf, nextCandidate } from "./headers.js";
import { INV_DST, INV_PROTO, INV_SRC } from "./ip-spec.js";
import { Rule } from "./rule.js";

const word = fc.constantFrom(0, 1, 0x0a000001, 0x0a000002, 0x0b000001);
const mask = fc.constantFrom(0, 0xff, 0xff000000 | 0, -1);
const proto = fc.constantFrom(0, 1, 6, 17);
const rule = fc
  .record({
    src: word,
    smask: mask,
    dst: word,
    dmask: mask,
    proto,
    inverted: fc.constantFrom(0, INV_SRC, INV_DST, INV_PROTO),
  })
  .map(
    ({ src, smask, dst, dmask, proto: number, inverted }) =>
      new Rule(
        {
          family: "ipv4",
          src: Int32Array.of(src & smask),
          smask: Int32Array.of(smask),
          dst: Int32Array.of(dst & dmask),
          dmask: Int32Array.of(dmask),
          iniface: "",
          outiface: "",
          proto: number,
          fragment: false,
          inverted,
        },
        [],
        { kind: "none" },
      ),
  );

it("the rules that match are candidates, in their order", () => {
  const state = new HookState(new NetNamespace("host", new VirtualClock(), new SeededRandom(1)), NFPROTO_IPV4);
  fc.assert(
    fc.property(fc.array(rule, { minLength: 8, maxLength: 40 }), word, word, proto, (rules, src, dst, number) => {
      const chain = new Chain("FORWARD", null);
      chain.rules = rules;
      const headers = headersOf(chain) as Int32Array;
      const candidates = new Set<number>();
      for (let i = nextCandidate(headers, 0, src, dst, number); i < rules.length; ) {
        candidates.add(i);
        i = nextCandidate(headers, i + 1, src, dst, number);
      }
      const packet = buildIPv4({ src, dst, protocol: number, payload: new Uint8Array(0) });
      rules.forEach((each, i) => {
        const matches = each.matchesIp(packet, 0, state);
        if (matches) expect(candidates).toContain(i);
        // Without `!` the list says all that these rules ask.
        else if (each.inverted === 0) expect(candidates).not.toContain(i);
      });
    }),
  );
});

it("a short chain has no list, and a chain that changed has a new one", () => {
  const chain = new Chain("FORWARD", null);
  const [one] = fc.sample(rule, 1);
  chain.rules = [one];
  expect(headersOf(chain)).toBeNull();
  chain.rules = Array.from({ length: 8 }, () => one);
  const headers = headersOf(chain);
  expect(headers).toHaveLength(40);
  expect(headersOf(chain)).toBe(headers);
  chain.rules.push(one);
  chain.listed = null;
  expect(headersOf(chain)).toHaveLength(45);
});
