import { expect, test } from "vitest";
import { functionGraphText } from "../../packages/lab/src/draw/call-graph.js";
import { readTrace } from "./tracer.js";

const line = (task: string, code: string): string => `   ${task}    | ${code}`;

test("tasks that take turns are told apart", () => {
  const text = [
    "# tracer: function_graph",
    "#",
    "#  TASK/PID                      FUNCTION CALLS",
    "#   |    |                       |   |   |   |",
    line("node-151", "ip_rcv() {"),
    line("node-151", "  nf_hook_slow() {"),
    " ------------------------------------------",
    line("kworker/0:1-20", "nf_ct_delete [nf_conntrack]() {"),
    line("kworker/0:1-20", "}"),
    " ------------------------------------------",
    line("node-151", "    ipt_do_table [ip_tables]();"),
    line("node-151", "  }"),
    line("node-151", "}"),
    "",
  ].join("\n");
  expect(functionGraphText(readTrace(text))).toBe(
    "ip_rcv() {\n  nf_hook_slow() {\n    ipt_do_table [ip_tables]();\n  }\n}\nnf_ct_delete [nf_conntrack]();\n",
  );
});

test.each<readonly [string, readonly string[], string]>([
  ["a beginning inside of a call", ["}"], "the trace begins inside of a call"],
  ["an end inside of a call", ["ip_rcv() {"], "the trace ends inside of ip_rcv"],
  ["a line of another form", ["==> lost 3 events"], "the tracer says"],
])("%s is an error", (_, lines, message) => {
  expect(() => readTrace(lines.map((code) => line("node-1", code)).join("\n"))).toThrow(message);
});
