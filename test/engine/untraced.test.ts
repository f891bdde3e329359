/**
 * Nobody looking changes nothing: the shorter ways that packets take while nobody traces (a known flow found by its
 * header, rules passed over by a list) end where the traced ones do.
 */
import fc from "fast-check";
import { expect, it } from "vitest";
import { tcp, udp } from "../referee/lines.js";
import { makeRouter, runLine } from "./router.js";

/** More rules than a chain has without a list, of which some match; two zones; connections that end soon. */
const RULES = [
  "iptables-legacy -t raw -A PREROUTING -s 192.168.1.13 -j CT --zone 5",
  "iptables-legacy -t raw -A PREROUTING -s 192.168.1.14 -j CT --zone-orig 6",
  ...Array.from({ length: 9 }, (_, i) => `iptables-legacy -A FORWARD -s 10.0.0.${i} -p udp -j DROP`),
  "iptables-legacy -N services",
  "iptables-legacy -A FORWARD -p udp -j services",
  "iptables-legacy -A FORWARD ! -s 192.168.1.0/24 -m conntrack --ctstate NEW -j DROP",
  "iptables-legacy -A FORWARD ! -p udp -d 198.51.100.9 -j DROP",
  "iptables-legacy -A FORWARD -d 198.51.100.8 -j DROP",
  ...Array.from({ length: 8 }, (_, i) => `iptables-legacy -A services -d 198.51.100.${i} -j RETURN`),
  "iptables-legacy -A services -s 192.168.1.12 -j DROP",
  "iptables-legacy -t nat -A POSTROUTING -o wan0 -j SNAT --to-source 198.51.100.1-198.51.100.2",
];

function router(traced: boolean) {
  const made = makeRouter({
    lan: { name: "lan0", address: "192.168.1.1/24" },
    wan: { name: "wan0", address: "198.51.100.1/24" },
    rules: RULES,
  });
  if (traced) made.net.listen(() => {});
  const out: string[] = [];
  const keep = (name: string) => (bytes: Uint8Array) => {
    out.push(`${name} ${Buffer.from(bytes).toString("hex")}`);
  };
  made.lan.onTransmit = keep("lan0");
  made.wan.onTransmit = keep("wan0");
  return { ...made, out };
}

/** A packet of one of few flows, an answer to the last that left, or a while without any. */
const step = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      host: fc.integer({ min: 10, max: 15 }),
      port: fc.integer({ min: 4000, max: 4003 }),
      server: fc.integer({ min: 8, max: 9 }),
      protocol: fc.constantFrom("udp", "tcp"),
    }),
  },
  { weight: 4, arbitrary: fc.constant("answer" as const) },
  { weight: 1, arbitrary: fc.record({ seconds: fc.constantFrom(1, 29, 31, 200) }) },
);

function answerTo(sent: string | undefined): Uint8Array | null {
  if (sent === undefined) return null;
  const bytes = Buffer.from(sent.slice(5), "hex");
  const host = (at: number) => bytes.subarray(at, at + 4).join(".");
  const from = `${host(16)}:${bytes.readUInt16BE(22)}`;
  const to = `${host(12)}:${bytes.readUInt16BE(20)}`;
  return bytes[9] === 17 ? udp(from, to) : tcp(from, to, "SA", { seq: 1, ack: bytes.readUInt32BE(24) + 1 });
}

it("traced or not, the same packets leave and the same connections and counters are there", { timeout: 60_000 }, () => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 40 }), (steps) => {
      const both = [router(false), router(true)];
      for (const { net, lan, wan, out } of both)
        for (const each of steps)
          if (each === "answer") {
            const answer = answerTo(out.filter((line) => line.startsWith("wan0")).at(-1));
            if (answer !== null) wan.inject(answer);
          } else if ("seconds" in each) net.clock.advance(each.seconds * 1_000_000);
          else {
            const { host, port, server, protocol } = each;
            const from = `192.168.1.${host}:${port}`;
            const to = `198.51.100.${server}:80`;
            lan.inject(protocol === "udp" ? udp(from, to) : tcp(from, to, "S", { seq: 1 }));
          }
      const [untraced, traced] = both.map(({ net, out }) => ({
        out,
        connections: net.ct.list(),
        stats: net.ct.stats,
        rules: runLine(net, "iptables-legacy-save -c").stdout.replaceAll(/^#.*$/gm, ""),
      }));
      expect(untraced).toEqual(traced);
    }),
    { numRuns: 150 },
  );
});

it("packets of no zone do not meet the connections of a zone that have their addresses and ports", () => {
  const rule = "PREROUTING -s 192.168.1.13 -j CT --zone 5";
  const { net, lan } = makeRouter({
    lan: { name: "lan0", address: "192.168.1.1/24" },
    wan: { name: "wan0", address: "198.51.100.1/24" },
    // The second rule has tracking go on when the first is gone.
    rules: [`iptables-legacy -t raw -A ${rule}`, "iptables-legacy -A FORWARD -m conntrack --ctstate NEW"],
  });
  // The least table, so that connections fall into the chains of the other zone's.
  runLine(net, "sysctl -q net.netfilter.nf_conntrack_buckets=1024");
  const ports = Array.from({ length: 2000 }, (_, i) => 4000 + i);
  const sendAll = () => {
    for (const port of ports) lan.inject(udp(`192.168.1.13:${port}`, "198.51.100.9:80"));
  };
  sendAll();
  runLine(net, `iptables-legacy -t raw -D ${rule}`);
  sendAll();
  sendAll();
  const zones = net.ct.list().map(({ zone }) => zone);
  expect([0, 5].map((zone) => zones.filter((each) => each === zone).length)).toEqual([2000, 2000]);
});
