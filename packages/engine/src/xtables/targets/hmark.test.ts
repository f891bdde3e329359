/** Marks that Linux 6.18 gave one datagram from port 1111 to port 53, and what was asked for. */
import { expect, test } from "vitest";
import { VirtualClock } from "../../clock.js";
import { NetNamespace } from "../../netns.js";
import { SeededRandom } from "../../random.js";
import { SkBuff } from "../../skb.js";
import { parseIPv4, parseIPv6, writeIPv6 } from "../../wire/address.js";
import { put16 } from "../../wire/bytes.js";
import { buildIPv4 } from "../../wire/ipv4.js";
import { XtActionParam, type XtFamily } from "../extension.js";
import { parseCommand } from "../parse.js";

function datagram(family: XtFamily): Uint8Array {
  const udp = new Uint8Array(8);
  put16(udp, 0, 1111);
  put16(udp, 2, 53);
  if (family === "ipv4")
    return buildIPv4({ src: parseIPv4("10.9.0.1"), dst: parseIPv4("10.9.0.2"), protocol: 17, ttl: 64, payload: udp });
  const data = new Uint8Array(48);
  data.set([0x60, 0, 0, 0, 0, 8, 17, 64]);
  writeIPv6(data, 8, parseIPv6("2001:db8::1"));
  writeIPv6(data, 24, parseIPv6("2001:db8::2"));
  data.set(udp, 40);
  return data;
}

test.each<[XtFamily, string, number]>([
  ["ipv4", "--hmark-tuple src,dst,proto", 3486974718],
  ["ipv4", "--hmark-tuple src", 2238673743],
  ["ipv4", "--hmark-tuple src,dst,sport,dport", 1628552063],
  ["ipv6", "--hmark-tuple src,dst,proto", 3883161051],
  ["ipv6", "--hmark-tuple src,dst,sport,dport", 2221075667],
  ["ipv6", "--hmark-src-prefix 3 --hmark-sport-mask 0xf --hmark-dport 0x100", 2076741165],
])("%s %s", (family, options, mark) => {
  const words = `-t mangle -A OUTPUT -j HMARK ${options} --hmark-mod 4294967295 --hmark-rnd 0x5`.split(" ");
  const { rule } = parseCommand(words, {
    family,
    flavour: "legacy",
    table: "filter",
    program: "iptables",
    before: "iptables",
    restore: false,
  });
  const par = new XtActionParam(new NetNamespace("host", new VirtualClock(), new SeededRandom(1)), family);
  par.skb = new SkBuff(datagram(family));
  par.proto = 17;
  par.thoff = family === "ipv4" ? 20 : 40;
  if (rule.action.kind !== "target") throw new Error("no target");
  rule.action.target.target(par);
  expect(par.skb.mark).toBe(mark);
});
