import { describe, expect, test } from "vitest";
import { functionGraphText, type GraphCall, parseFunctionGraph } from "../../packages/lab/src/draw/call-graph.js";
import { agreedCalls, type Difference, engineCallsFor, passagesOf } from "./agreement.js";

const graph = (text: string): GraphCall[] => parseFunctionGraph(text);
const inLine = (calls: readonly GraphCall[]): string => functionGraphText(calls).replace(/\s+/g, " ").trim();

describe("agreedCalls", () => {
  test("what is left out gives what it calls to its caller", () => {
    const calls = graph("ip_rcv() {\nip_rcv_finish_core() {\nip_route_input_noref();\n}\n}");
    expect(inLine(agreedCalls(calls, "6.18"))).toBe("ip_rcv() { ip_route_input_noref(); }");
  });

  test("or goes with all that it calls, where the table says so", () => {
    const calls = graph("__icmp_send() {\nicmp_route_lookup.constprop.0() {\nip_route_input_noref();\n}\n}");
    expect(inLine(agreedCalls(calls, "6.18"))).toBe("__icmp_send();");
  });

  test("a function that nobody has thought of is an error", () => {
    expect(() => agreedCalls(graph("ip_rcv() {\nip_teleport();\n}"), "6.18")).toThrow(
      "Linux 6.18 calls vmlinux ip_teleport, which agreement.json neither agrees on nor leaves out",
    );
  });
});

describe("engineCallsFor", () => {
  const row = (agreed: string, recorded: string | null, within?: string): Difference => ({
    kernels: ["6.1"],
    module: "m",
    agreed,
    recorded,
    ...(within === undefined ? {} : { within }),
    why: "",
  });
  const calls = graph("a [m]() {\nb [m]() {\nc [m]();\n}\n}\nb [m]();");

  test.each<readonly [string, readonly Difference[], string]>([
    ["nothing", [], "a [m]() { b [m]() { c [m](); } } b [m]();"],
    ["another name", [row("b", "d")], "a [m]() { d [m]() { c [m](); } } d [m]();"],
    ["no such function", [row("b", null)], "a [m]() { c [m](); }"],
    ["only below a caller", [row("b", "d", "a")], "a [m]() { d [m]() { c [m](); } } b [m]();"],
  ])("%s", (_, rows, expected) => {
    expect(inLine(engineCallsFor(calls, "6.1", rows))).toBe(expected);
    expect(inLine(engineCallsFor(calls, "6.18", rows))).toBe(inLine(calls));
  });
});

describe("passagesOf", () => {
  test("a packet made while another is handled has a passage of its own", () => {
    const calls = graph(
      "ip_rcv() {\nip_forward() {\n__icmp_send() {\n__ip_local_out();\nip_output() {\nnf_hook_slow();\n}\n}\n}\n}",
    );
    expect(passagesOf(calls).map(inLine)).toEqual([
      "ip_rcv() { ip_forward() { __icmp_send(); } }",
      "__ip_local_out(); ip_output() { nf_hook_slow(); }",
    ]);
  });

  test("one that comes back by the loopback too", () => {
    const calls = graph("__ip_local_out();\nip_output() {\nip_rcv() {\nip_local_deliver();\n}\n}");
    expect(passagesOf(calls).map(inLine)).toEqual([
      "__ip_local_out(); ip_output();",
      "ip_rcv() { ip_local_deliver(); }",
    ]);
  });

  test("the ip_output of a forwarded packet is no other's", () => {
    const calls = graph("ip_rcv() {\nip_forward() {\nnf_hook_slow() {\n__ip_local_out();\n}\nip_output();\n}\n}");
    expect(passagesOf(calls).map(inLine)).toEqual([
      "ip_rcv() { ip_forward() { nf_hook_slow(); ip_output(); } }",
      "__ip_local_out();",
    ]);
  });
});
