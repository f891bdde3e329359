/** The lines of `xtables-monitor --trace`, as the tool of iptables 1.8.9 printed them on Linux 6.18. */
import { NF_ACCEPT, type NftTraceEvent, XT_CONTINUE, XT_RETURN } from "@netfilter-lab/engine";
import { expect, test } from "vitest";
import { traceText } from "./xtables-monitor.js";

const hex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text.replace(/ /g, ""), "hex"));
const BASE = { family: "ipv4", id: 0xf2c0a0ab, table: "raw", chain: "OUTPUT", packet: null, leadsTo: null } as const;
const SEEN = { mark: 0, iif: null, oif: null, loopback: false, macs: null };
const RULE = { handle: 0x1f, text: "-A OUTPUT -p udp -j own" };

const rows: readonly [string, NftTraceEvent, string][] = [
  ["a policy", { ...BASE, rule: null, verdict: NF_ACCEPT }, " TRACE: 2 f2c0a0ab raw:OUTPUT:policy:ACCEPT \n"],
  [
    "a jump",
    { ...BASE, rule: RULE, verdict: XT_CONTINUE, leadsTo: { chain: "own", goto: false } },
    " TRACE: 2 f2c0a0ab raw:OUTPUT:rule:0x1f:JUMP:own  -4 -t raw -A OUTPUT -p udp -j own\n",
  ],
  [
    "RETURN, for which the tool has no name",
    { ...BASE, rule: RULE, verdict: XT_RETURN },
    " TRACE: 2 f2c0a0ab raw:OUTPUT:rule:0x1f:0xfffffffb  -4 -t raw -A OUTPUT -p udp -j own\n",
  ],
  [
    "a packet with options, from an Ethernet",
    {
      ...BASE,
      rule: null,
      verdict: NF_ACCEPT,
      packet: {
        ...SEEN,
        iif: "eth0",
        mark: 0x77,
        macs: { source: hex("020000000002"), destination: hex("020000000001") },
        bytes: hex("46b80021004d40004011000c0a8010a0c6336409 94040000 1391003500090000 78"),
      },
    },
    "PACKET: 2 f2c0a0ab IN=eth0 MACSRC=2:0:0:0:0:2 MACDST=2:0:0:0:0:1 MACPROTO=0800 SRC=10.128.16.160 " +
      "DST=198.51.100.9 LEN=33 TOS=0xb8 TTL=64 ID=77 DF OPT (FFFFFF94040000) SPORT=5009 DPORT=53 MARK=0x77 \n" +
      " TRACE: 2 f2c0a0ab raw:OUTPUT:policy:ACCEPT \n",
  ],
  [
    "IPv6, whose length is the payload's and that of a header of IPv4",
    {
      ...BASE,
      family: "ipv6",
      rule: null,
      verdict: NF_ACCEPT,
      packet: {
        ...SEEN,
        oif: "eth0",
        bytes: hex(
          "600cee62000a1140 20010db8000000000000000000000001 20010db8000000000000000000000002 a1260063000a0000 780a",
        ),
      },
    },
    "PACKET: 10 f2c0a0ab OUT=eth0 SRC=2001:db8::1 DST=2001:db8::2 LEN=30 TC=0 HOPLIMIT=64 FLOWLBL=847458 " +
      "SPORT=41254 DPORT=99 \n TRACE: 10 f2c0a0ab raw:OUTPUT:policy:ACCEPT \n",
  ],
];

test.each(rows)("%s", (_name, event, text) => {
  expect(traceText(event)).toBe(text);
});
