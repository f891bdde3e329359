/** The trace of nf_tables as `xtables-monitor --trace` (iptables 1.8.9, Linux 6.18) printed it, read back. */
import { expect, test } from "vitest";
import { parseTrace, ruleStates, TRACE_RULESET, TRACE_TABLE, TraceIndex } from "./trace.js";

const counter = { counter: { packets: 7, bytes: 1000 } };
const rule = (chain: string, handle: number): object => ({
  rule: { family: "ip", table: "filter", chain, handle, expr: [{ match: {} }, counter] },
});
const numbers = ruleStates(
  JSON.stringify({ nftables: [{ metainfo: {} }, rule("INPUT", 4), rule("INPUT", 2), rule("SUB", 5), rule("SUB", 6)] }),
);

const packet = (id: string, from: string, at: string): string =>
  `PACKET: 2 ${id} ${from}MACSRC=e2:e1:56:87:f2:9b MACDST=62:2d:bb:dc:6d:91 MACPROTO=0800 SRC=10.9.0.1 DST=10.9.0.2 LEN=60 TOS=0x0 TTL=64 ID=${at} DF SPORT=42222 DPORT=81 SYN `;
const text = `${packet("785a4aa3", "IN=v1 ", "61192")}
 TRACE: 2 785a4aa3 ${TRACE_TABLE}:PREROUTING:rule:0x3:CONTINUE  -4 -t ${TRACE_TABLE} -A PREROUTING -j TRACE
 TRACE: 2 785a4aa3 ${TRACE_TABLE}:PREROUTING:policy:ACCEPT 
${packet("785a4aa3", "IN=v1 ", "61192")}
 TRACE: 2 785a4aa3 ${TRACE_TABLE}:INPUT:policy:ACCEPT 
 TRACE: 2 785a4aa3 filter:INPUT:rule:0x4:JUMP:SUB  -4 -t filter -A INPUT -p tcp -j SUB
 TRACE: 2 785a4aa3 filter:SUB:rule:0x6:CONTINUE  -4 -t filter -A SUB -m comment --comment "x y"
 TRACE: 2 785a4aa3 filter:SUB:rule:0x5:DROP  -4 -t filter -A SUB -p tcp -m tcp --dport 81 -j DROP
PACKET: 2 1aa86db8 OUT=v1 SRC=10.9.0.2 DST=10.9.0.1 LEN=40 TOS=0x0 TTL=64 ID=0 DF SPORT=82 DPORT=40118 ACK RST 
 TRACE: 2 1aa86db8 ${TRACE_TABLE}:OUTPUT:policy:ACCEPT 
 TRACE: 2 1aa86db8 ${TRACE_TABLE}:POSTROUTING:policy:ACCEPT 
 TRACE: 2 1aa86db8 nat:POSTROUTING:policy:ACCEPT 
PACKET: 10 77 IN=v1 SRC=::1 DST=::1 LEN=40
`;

test("a packet's hooks, rules by their place, policies, and its end", () => {
  const traces = parseTrace(text, numbers);
  expect(traces.map(({ iif, length, identification, droppedIn }) => [iif, length, identification, droppedIn])).toEqual([
    ["v1", 60, 61192, "INPUT"],
    [null, 40, 0, null],
  ]);
  expect(
    traces.map(({ steps }) => steps.map((step) => [step.index, step.depth, step.hook, step.label, step.text])),
  ).toEqual([
    [
      [0, 0, "PREROUTING", null, "hook PREROUTING"],
      [1, 0, "INPUT", null, "hook INPUT"],
      [2, 1, "INPUT", "filter", "filter INPUT rule 1 matches: -A INPUT -p tcp -j SUB"],
      [3, 1, "INPUT", "filter", 'filter SUB rule 2 matches: -A SUB -m comment --comment "x y"'],
      [4, 1, "INPUT", "filter", "filter SUB rule 1 matches: -A SUB -p tcp -m tcp --dport 81 -j DROP"],
    ],
    [
      [0, 0, "OUTPUT", null, "hook OUTPUT"],
      [1, 0, "POSTROUTING", null, "hook POSTROUTING"],
      [2, 1, "POSTROUTING", "nat (SNAT)", "nat POSTROUTING policy ACCEPT"],
    ],
  ]);
});

test("a rule's counters are those after the packet: the last has what the rule has now, each before it less", () => {
  const again = text.replaceAll("785a4aa3", "b00b1e55").replaceAll("LEN=60", "LEN=100");
  const counters = parseTrace(text + again, numbers).flatMap(({ steps }) =>
    steps.flatMap(({ note }) => (note?.kind === "rule" && note.chain === "INPUT" ? [[note.packets, note.bytes]] : [])),
  );
  expect(counters).toEqual([
    [6, 900],
    [7, 1000],
  ]);
});

test("each trace goes to one packet of its device, length and identification", () => {
  const index = new TraceIndex(parseTrace(text, numbers));
  const bytes = new Uint8Array(20);
  new DataView(bytes.buffer).setUint32(2, (60 << 16) | 61192);
  expect(index.take("v0", bytes)).toBeNull();
  expect(index.take(null, bytes)).toBeNull();
  expect(index.take("v1", bytes)?.droppedIn).toBe("INPUT");
  expect(index.take("v1", bytes)).toBeNull();
});

test("the trace is asked for where packets come in or are made, and looked at in all five hooks", () => {
  expect(TRACE_RULESET.match(/hook \w+ priority -450/g)).toHaveLength(5);
  expect(TRACE_RULESET.match(/nftrace set 1/g)).toHaveLength(2);
});
