import type { Output } from "@netfilter-lab/notebook";
import { expect, test } from "vitest";
import { type PageOutput, pageOutputs } from "./outputs.js";
import { sanitizeHtml } from "./sanitize.js";

const show = (data: Record<string, unknown>): Output => ({ type: "display_data", data, metadata: {} }) as Output;
const print = (text: string, name: "stdout" | "stderr" = "stdout"): Output => ({ type: "stream", name, text });

const cases: [what: string, outputs: Output[], shown: PageOutput[]][] = [
  ["nothing", [], []],
  ["pieces of one stream join", [print("a"), print("b\n")], [{ kind: "stream", name: "stdout", text: "ab\n" }]],
  [
    "two streams stay apart",
    [print("a"), print("b", "stderr"), print("c")],
    [
      { kind: "stream", name: "stdout", text: "a" },
      { kind: "stream", name: "stderr", text: "b" },
      { kind: "stream", name: "stdout", text: "c" },
    ],
  ],
  ["an empty print", [print("")], []],
  ["a value", [show({ "text/plain": "2" })], [{ kind: "display", scope: "out-c-0", text: "2" }]],
  [
    "a picture, with its text and its Mermaid source",
    [show({ "text/plain": "t", "image/svg+xml": "<svg></svg>", "text/vnd.mermaid": "m", "text/html": "<b>h</b>" })],
    [{ kind: "display", scope: "out-c-0", html: "<svg></svg>", mermaid: "m", text: "t" }],
  ],
  [
    "a bitmap",
    [show({ "image/png": "AA\nBB" })],
    [{ kind: "display", scope: "out-c-0", image: "data:image/png;base64,AABB" }],
  ],
  [
    "only data",
    [show({ "application/json": { a: 1 } })],
    [{ kind: "display", scope: "out-c-0", text: '{\n  "a": 1\n}' }],
  ],
  [
    "a walk: its data as it is, and of its page what is safe",
    [
      show({
        "text/plain": "t",
        "text/html": "<netfilter-packet-view><script>1</script><b>h</b></netfilter-packet-view><script>2</script>",
        "application/vnd.netfilter-lab.walk+json": { version: "<b>" },
      }),
    ],
    [{ kind: "display", scope: "out-c-0", html: "<b>h</b>", walk: { version: "<b>" }, text: "t" }],
  ],
  ["a type nobody knows", [show({ "application/x-unknown": "?" })], []],
  [
    "an error",
    [{ type: "error", name: "TypeError", message: "no", traceback: ["TypeError: no", "  at cell"] }],
    [{ kind: "error", name: "TypeError", message: "no", traceback: "TypeError: no\n  at cell" }],
  ],
];
test.each(cases)("%s", (_, outputs, shown) => {
  expect(pageOutputs("c", outputs, sanitizeHtml)).toEqual(shown);
});
