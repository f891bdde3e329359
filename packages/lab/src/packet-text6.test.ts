/** IPv6 packets beside what tcpdump 4.99.3 printed of them, plain and with -v. */
import { expect, test } from "vitest";
import { describePacket } from "./packet-text.js";

const PACKETS: readonly (readonly [hex: string, plain: string, verbose: string])[] = [
  [
    "600000000014064020010db800000000000000000000000120010db800000000000000000000000203e800500000000100000000500200644fd10000",
    "IP6 2001:db8::1.1000 > 2001:db8::2.80: Flags [S], seq 1, win 100, length 0",
    "IP6 (hlim 64, next-header TCP (6) payload length: 20) 2001:db8::1.1000 > 2001:db8::2.80: Flags [S], cksum 0x4fd1 (correct), seq 1, win 100, length 0",
  ],
  [
    "610123450009114020010db800000000000000000000000120010db800000000000000000000000203e800630009281c78",
    "IP6 2001:db8::1.1000 > 2001:db8::2.99: UDP, length 1",
    "IP6 (class 0x10, flowlabel 0x12345, hlim 64, next-header UDP (17) payload length: 9) 2001:db8::1.1000 > 2001:db8::2.99: [udp sum ok] UDP, length 1",
  ],
  [
    "6000000000393a4020010db800000000000000000000000120010db8000000000000000000000002010031e800000000600000000009114020010db800000000000000000000000120010db800000000000000000000000203e800630009281c78",
    "IP6 2001:db8::1 > 2001:db8::2: ICMP6, destination unreachable, unreachable route 2001:db8::2, length 57",
    "IP6 (hlim 64, next-header ICMPv6 (58) payload length: 57) 2001:db8::1 > 2001:db8::2: [icmp6 sum ok] ICMP6, destination unreachable, unreachable route 2001:db8::2",
  ],
  [
    "6000000000393a4020010db800000000000000000000000120010db8000000000000000000000002010131e700000000600000000009114020010db800000000000000000000000120010db800000000000000000000000203e800630009281c78",
    "IP6 2001:db8::1 > 2001:db8::2: ICMP6, destination unreachable,  unreachable prohibited 2001:db8::2, length 57",
    "IP6 (hlim 64, next-header ICMPv6 (58) payload length: 57) 2001:db8::1 > 2001:db8::2: [icmp6 sum ok] ICMP6, destination unreachable,  unreachable prohibited 2001:db8::2",
  ],
  [
    "6000000000393a4020010db800000000000000000000000120010db8000000000000000000000002010231e600000000600000000009114020010db800000000000000000000000120010db800000000000000000000000203e800630009281c78",
    "IP6 2001:db8::1 > 2001:db8::2: ICMP6, destination unreachable, beyond scope 2001:db8::2, source address 2001:db8::1, length 57",
    "IP6 (hlim 64, next-header ICMPv6 (58) payload length: 57) 2001:db8::1 > 2001:db8::2: [icmp6 sum ok] ICMP6, destination unreachable, beyond scope 2001:db8::2, source address 2001:db8::1",
  ],
  [
    "6000000000393a4020010db800000000000000000000000120010db8000000000000000000000002010331e500000000600000000009114020010db800000000000000000000000120010db800000000000000000000000203e800630009281c78",
    "IP6 2001:db8::1 > 2001:db8::2: ICMP6, destination unreachable, unreachable address 2001:db8::2, length 57",
    "IP6 (hlim 64, next-header ICMPv6 (58) payload length: 57) 2001:db8::1 > 2001:db8::2: [icmp6 sum ok] ICMP6, destination unreachable, unreachable address 2001:db8::2",
  ],
  [
    "6000000000393a4020010db800000000000000000000000120010db8000000000000000000000002010431e400000000600000000009114020010db800000000000000000000000120010db800000000000000000000000203e800630009281c78",
    "IP6 2001:db8::1 > 2001:db8::2: ICMP6, destination unreachable, unreachable port, 2001:db8::2 udp port 99, length 57",
    "IP6 (hlim 64, next-header ICMPv6 (58) payload length: 57) 2001:db8::1 > 2001:db8::2: [icmp6 sum ok] ICMP6, destination unreachable, unreachable port, 2001:db8::2 udp port 99",
  ],
  [
    "6000000000393a4020010db800000000000000000000000120010db8000000000000000000000002010531e300000000600000000009114020010db800000000000000000000000120010db800000000000000000000000203e800630009281c78",
    "IP6 2001:db8::1 > 2001:db8::2: ICMP6, destination unreachable, unknown unreach code (5)\n\t0x0000:  0105 31e3 0000 0000 6000 0000 0009 1140\n\t0x0010:  2001 0db8 0000 0000 0000 0000 0000 0001\n\t0x0020:  2001 0db8 0000 0000 0000 0000 0000 0002\n\t0x0030:  03e8 0063 0009 281c 78",
    "IP6 (hlim 64, next-header ICMPv6 (58) payload length: 57) 2001:db8::1 > 2001:db8::2: [icmp6 sum ok] ICMP6, destination unreachable, unknown unreach code (5)\n\t0x0000:  0105 31e3 0000 0000 6000 0000 0009 1140\n\t0x0010:  2001 0db8 0000 0000 0000 0000 0000 0001\n\t0x0020:  2001 0db8 0000 0000 0000 0000 0000 0002\n\t0x0030:  03e8 0063 0009 281c 78",
  ],
  [
    "6000000000443a4020010db800000000000000000000000120010db800000000000000000000000201043cce00000000600000000014064020010db800000000000000000000000120010db800000000000000000000000203e800500000000100000000500200644fd10000",
    "IP6 2001:db8::1 > 2001:db8::2: ICMP6, destination unreachable, unreachable port, 2001:db8::2 tcp port 80, length 68",
    "IP6 (hlim 64, next-header ICMPv6 (58) payload length: 68) 2001:db8::1 > 2001:db8::2: [icmp6 sum ok] ICMP6, destination unreachable, unreachable port, 2001:db8::2 tcp port 80",
  ],
  [
    "6000000000383a4020010db800000000000000000000000120010db80000000000000000000000020104090e000000006000000000083a4020010db800000000000000000000000120010db80000000000000000000000028000244700000001",
    "IP6 2001:db8::1 > 2001:db8::2: ICMP6, destination unreachable, unreachable port [|icmp6]",
    "IP6 (hlim 64, next-header ICMPv6 (58) payload length: 56) 2001:db8::1 > 2001:db8::2: [icmp6 sum ok] ICMP6, destination unreachable, unreachable port [|icmp6]",
  ],
  [
    "6000000000393a4020010db800000000000000000000000120010db800000000000000000000000202002bd400000514600000000009114020010db800000000000000000000000120010db800000000000000000000000203e800630009281c78",
    "IP6 2001:db8::1 > 2001:db8::2: ICMP6, packet too big, mtu 1300, length 57",
    "IP6 (hlim 64, next-header ICMPv6 (58) payload length: 57) 2001:db8::1 > 2001:db8::2: [icmp6 sum ok] ICMP6, packet too big, mtu 1300",
  ],
  [
    "6000000000393a4020010db800000000000000000000000120010db800000000000000000000000203002fe800000000600000000009114020010db800000000000000000000000120010db800000000000000000000000203e800630009281c78",
    "IP6 2001:db8::1 > 2001:db8::2: ICMP6, time exceeded in-transit for 2001:db8::2, length 57",
    "IP6 (hlim 64, next-header ICMPv6 (58) payload length: 57) 2001:db8::1 > 2001:db8::2: [icmp6 sum ok] ICMP6, time exceeded in-transit for 2001:db8::2",
  ],
  [
    "6000000000393a4020010db800000000000000000000000120010db800000000000000000000000203012fe700000000600000000009114020010db800000000000000000000000120010db800000000000000000000000203e800630009281c78",
    "IP6 2001:db8::1 > 2001:db8::2: ICMP6, time exceeded in-transit (reassembly), length 57",
    "IP6 (hlim 64, next-header ICMPv6 (58) payload length: 57) 2001:db8::1 > 2001:db8::2: [icmp6 sum ok] ICMP6, time exceeded in-transit (reassembly)",
  ],
  [
    "6000000000393a4020010db800000000000000000000000120010db800000000000000000000000203022fe600000000600000000009114020010db800000000000000000000000120010db800000000000000000000000203e800630009281c78",
    "IP6 2001:db8::1 > 2001:db8::2: ICMP6, time exceeded in-transit, unknown code (2), length 57",
    "IP6 (hlim 64, next-header ICMPv6 (58) payload length: 57) 2001:db8::1 > 2001:db8::2: [icmp6 sum ok] ICMP6, time exceeded in-transit, unknown code (2)",
  ],
  [
    "6000000000393a4020010db800000000000000000000000120010db800000000000000000000000204002ee200000006600000000009114020010db800000000000000000000000120010db800000000000000000000000203e800630009281c78",
    "IP6 2001:db8::1 > 2001:db8::2: ICMP6, parameter problem, erroneous - octet 6, length 57",
    "IP6 (hlim 64, next-header ICMPv6 (58) payload length: 57) 2001:db8::1 > 2001:db8::2: [icmp6 sum ok] ICMP6, parameter problem, erroneous - octet 6",
  ],
  [
    "6000000000393a4020010db800000000000000000000000120010db800000000000000000000000204012ee100000006600000000009114020010db800000000000000000000000120010db800000000000000000000000203e800630009281c78",
    "IP6 2001:db8::1 > 2001:db8::2: ICMP6, parameter problem, next header - octet 6, length 57",
    "IP6 (hlim 64, next-header ICMPv6 (58) payload length: 57) 2001:db8::1 > 2001:db8::2: [icmp6 sum ok] ICMP6, parameter problem, next header - octet 6",
  ],
  [
    "6000000000393a4020010db800000000000000000000000120010db800000000000000000000000204022ee000000006600000000009114020010db800000000000000000000000120010db800000000000000000000000203e800630009281c78",
    "IP6 2001:db8::1 > 2001:db8::2: ICMP6, parameter problem, option - octet 6, length 57",
    "IP6 (hlim 64, next-header ICMPv6 (58) payload length: 57) 2001:db8::1 > 2001:db8::2: [icmp6 sum ok] ICMP6, parameter problem, option - octet 6",
  ],
  [
    "6000000000393a4020010db800000000000000000000000120010db800000000000000000000000204032edf00000006600000000009114020010db800000000000000000000000120010db800000000000000000000000203e800630009281c78",
    "IP6 2001:db8::1 > 2001:db8::2: ICMP6, parameter problem, incomplete header chain - octet 6, length 57",
    "IP6 (hlim 64, next-header ICMPv6 (58) payload length: 57) 2001:db8::1 > 2001:db8::2: [icmp6 sum ok] ICMP6, parameter problem, incomplete header chain - octet 6",
  ],
  [
    "60000000000b3a4020010db800000000000000000000000120010db800000000000000000000000280005fdc00050001616263",
    "IP6 2001:db8::1 > 2001:db8::2: ICMP6, echo request, id 5, seq 1, length 11",
    "IP6 (hlim 64, next-header ICMPv6 (58) payload length: 11) 2001:db8::1 > 2001:db8::2: [icmp6 sum ok] ICMP6, echo request, id 5, seq 1",
  ],
  [
    "60000000000b3a4020010db800000000000000000000000120010db800000000000000000000000281005edc00050001616263",
    "IP6 2001:db8::1 > 2001:db8::2: ICMP6, echo reply, id 5, seq 1, length 11",
    "IP6 (hlim 64, next-header ICMPv6 (58) payload length: 11) 2001:db8::1 > 2001:db8::2: [icmp6 sum ok] ICMP6, echo reply, id 5, seq 1",
  ],
  [
    "6000000000182c4020010db800000000000000000000000120010db8000000000000000000000002110000010000000703e800630009281c7979797979797979",
    "IP6 2001:db8::1 > 2001:db8::2: frag (0|16) 1000 > 99: UDP, length 1",
    "IP6 (hlim 64, next-header Fragment (44) payload length: 24) 2001:db8::1 > 2001:db8::2: frag (0x00000007:0|16) 1000 > 99: UDP, length 1",
  ],
  [
    "6000000000102c4020010db800000000000000000000000120010db800000000000000000000000211000010000000077979797979797979",
    "IP6 2001:db8::1 > 2001:db8::2: frag (16|8)",
    "IP6 (hlim 64, next-header Fragment (44) payload length: 16) 2001:db8::1 > 2001:db8::2: frag (0x00000007:16|8)",
  ],
  [
    "6000000000003b4020010db800000000000000000000000120010db8000000000000000000000002",
    "IP6 2001:db8::1 > 2001:db8::2: no next header",
    "IP6 (hlim 64, next-header unknown (59) payload length: 0) 2001:db8::1 > 2001:db8::2: no next header",
  ],
  [
    "600000000002fd4020010db800000000000000000000000120010db80000000000000000000000027879",
    "IP6 2001:db8::1 > 2001:db8::2:  ip-proto-253 2",
    "IP6 (hlim 64, next-header unknown (253) payload length: 2) 2001:db8::1 > 2001:db8::2:  ip-proto-253 2",
  ],
  [
    "600000000009114020010db800000000000000000000000120010db800000000000000000000000203e80063",
    "IP6 truncated-ip6 - 5 bytes missing!2001:db8::1.1000 > 2001:db8::2.99:  [|udp]",
    "IP6 truncated-ip6 - 5 bytes missing!(hlim 64, next-header UDP (17) payload length: 9) 2001:db8::1.1000 > 2001:db8::2.99:  [|udp]",
  ],
  [
    "6000000000083a4020010db800000000000000000000000120010db80000000000000000000000028000244700007a7a",
    "IP6 2001:db8::1 > 2001:db8::2: ICMP6, echo request, id 0, seq 31354, length 8",
    "IP6 (hlim 64, next-header ICMPv6 (58) payload length: 8) 2001:db8::1 > 2001:db8::2: [bad icmp6 cksum 0x2447 -> 0xa9cd!] ICMP6, echo request, id 0, seq 31354",
  ],
  [
    "600000000009114020010db800000000000000000000000120010db800000000000000000000000203e800630009291c78",
    "IP6 2001:db8::1.1000 > 2001:db8::2.99: UDP, length 1",
    "IP6 (hlim 64, next-header UDP (17) payload length: 9) 2001:db8::1.1000 > 2001:db8::2.99: [bad udp cksum 0x291c -> 0x281c!] UDP, length 1",
  ],
];

test.each(PACKETS)("%s", (hex, plain, verbose) => {
  const packet = Uint8Array.from(hex.match(/../g) ?? [], (byte) => Number.parseInt(byte, 16));
  expect(describePacket(packet, { flows: new Map() })).toBe(plain);
  expect(describePacket(packet, { flows: new Map(), verbose: true })).toBe(verbose);
});
