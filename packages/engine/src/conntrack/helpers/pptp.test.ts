import { describe, expect, it } from "vitest";
import { SkBuff } from "../../skb.js";
import { newPptpState, pptpOutbound, readPptpMessage } from "./pptp.js";

const COOKIE = [0x1a, 0x2b, 0x3c, 0x4d];
const TCP = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x50, 0, 0, 0, 0, 0, 0, 0];

/** A segment with a control message of a type and the body's bytes, filled up with zeros. */
function segment(type: number, body: readonly number[], length: number, kind = 1, cookie = COOKIE): SkBuff {
  const filled = [...body, ...new Array<number>(length - body.length).fill(0)];
  return new SkBuff(Uint8Array.of(...TCP, 0, 0, 0, kind, ...cookie, 0, type, 0, 0, ...filled));
}

describe("readPptpMessage", () => {
  it.each([
    ["a call's request", segment(7, [0, 1], 156), 7],
    ["one that is too short", segment(7, [0, 1], 155), undefined],
    ["an echo request", segment(5, [], 0), 5],
    ["a type that there is not", segment(99, [], 0), 99],
    ["a management message", segment(7, [], 156, 2), undefined],
    ["another cookie", segment(7, [], 156, 1, [0x1a, 0x2b, 0x3c, 0x4e]), undefined],
    ["no message", new SkBuff(Uint8Array.of(...TCP)), undefined],
  ])("%s", (_name, skb, type) => {
    expect(readPptpMessage(skb, 0)?.type).toBe(type);
  });
});

/** What a client says, one after the other, and whether it was in place. */
describe("pptpOutbound", () => {
  it.each<
    readonly [string, readonly (readonly [SkBuff, boolean])[], { readonly call: string; readonly pnsCallId: number }]
  >([
    ["a call before a session", [[segment(7, [0, 9], 156), false]], { call: "none", pnsCallId: 0 }],
    [
      "a session asked for twice, a call before the answer",
      [
        [segment(1, [], 144), true],
        [segment(1, [], 144), false],
        [segment(7, [0, 9], 156), false],
      ],
      { call: "none", pnsCallId: 0 },
    ],
    [
      "an answer to a call that nobody offered",
      [[segment(10, [0, 9, 0, 7, 1], 12), false]],
      { call: "none", pnsCallId: 0 },
    ],
    ["an echo", [[segment(5, [], 4), true]], { call: "none", pnsCallId: 0 }],
    ["what only a server says", [[segment(13, [], 136), false]], { call: "none", pnsCallId: 0 }],
  ])("%s", (_name, said, after) => {
    const state = newPptpState();
    for (const [skb, inPlace] of said) {
      const message = readPptpMessage(skb, 0);
      expect(message !== null && pptpOutbound(state, message, skb.data)).toBe(inPlace);
    }
    expect(state).toMatchObject(after);
  });
});
