/**
 * What Linux 6.18 wrote of IPv6 packets that `ip6tables -j LOG` met, with options, TCP sequence numbers and options
 * asked for.
 */
import { expect, it } from "vitest";
import { dumpPacket6 } from "./log6.js";

const FLAGS = 7;
const rows: readonly [string, string, string][] = [
  [
    "TCP",
    "6b8fffff001406 3f 20010db8000100000000000000000010 20010db8000200000000000000000007 0fa10035000007d1000007d05011faf039df0000",
    "SRC=2001:0db8:0001:0000:0000:0000:0000:0010 DST=2001:0db8:0002:0000:0000:0000:0000:0007 LEN=60 TC=184 HOPLIMIT=63 FLOWLBL=1048575 PROTO=TCP SPT=4001 DPT=53 SEQ=2001 ACK=2000 WINDOW=64240 RES=0x00 ACK FIN URGP=0 ",
  ],
  [
    "an answer to an echo",
    "6000000000103a 3f 20010db8000100000000000000000010 20010db8000200000000000000000009 810003730fa000010102030405060708",
    "SRC=2001:0db8:0001:0000:0000:0000:0000:0010 DST=2001:0db8:0002:0000:0000:0000:0000:0009 LEN=56 TC=0 HOPLIMIT=63 FLOWLBL=0 PROTO=ICMPv6 TYPE=129 CODE=0 ID=4000 SEQ=1 ",
  ],
  [
    "hop-by-hop options",
    "60000000001c00 40 20010db8000100000000000000000010 20010db8000100000000000000000001 1100010400000000 0fa101bb0014000001020304050607080910111200",
    "SRC=2001:0db8:0001:0000:0000:0000:0000:0010 DST=2001:0db8:0001:0000:0000:0000:0000:0001 LEN=68 TC=0 HOPLIMIT=64 FLOWLBL=0 OPT ( ) PROTO=UDP SPT=4001 DPT=443 LEN=20 ",
  ],
];

it.each(rows)("%s", (_name, hex, text) => {
  const bytes = Uint8Array.from(hex.replaceAll(" ", "").match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
  expect(dumpPacket6(bytes, 0, bytes.length, FLAGS, false)).toBe(text);
});
