/**
 * What a faithful tracker must not get wrong: the surprises of real gateways, each by name, and the life of entries.
 * Expected values were read from Linux 6.18.
 */
import { array, assert, boolean, integer, property, record } from "fast-check";
import { describe, expect, it } from "vitest";
import { IPS_CONFIRMED } from "../../packages/engine/src/conntrack/conntrack.js";
import { SkBuff } from "../../packages/engine/src/skb.js";
import { ICMP_DEST_UNREACH, ICMP_PORT_UNREACH } from "../../packages/engine/src/wire/icmp.js";
import { udpChecksum } from "../../packages/engine/src/wire/udp.js";
import { checkInvariants, checkNothingLeaks } from "../fuzz/invariants.js";
import { echo, ends, icmpAbout, tcp, udp } from "../referee/lines.js";
import { Gateway, range } from "./gateway.js";

const C = "192.168.1.10:40000";
const S = "198.51.100.9:80";
const W = "198.51.100.1:40000";
const ORIGINAL = "src=192.168.1.10 dst=198.51.100.9 sport=40000 dport=80";
const REPLY = "src=198.51.100.9 dst=198.51.100.1 sport=80 dport=40000";

function snatGateway(): Gateway {
  const gateway = new Gateway();
  gateway.snat(range("198.51.100.1"));
  return gateway;
}

function establish(gateway: Gateway): void {
  gateway.receive("lan", tcp(C, S, "S", { seq: 1000 }));
  gateway.receive("wan", tcp(S, W, "SA", { seq: 9000, ack: 1001 }));
  gateway.receive("lan", tcp(C, S, "A", { seq: 1001, ack: 9001 }));
}

describe("traps", () => {
  it("an INVALID reply is not translated back: it ends at the gateway itself", () => {
    const gateway = snatGateway();
    establish(gateway);
    const passage = gateway.receive("wan", tcp(S, W, "A", { seq: 1 << 30, ack: 1001 }));
    expect(passage).toMatchObject({ seenAs: "INVALID", out: null });
    expect(ends(passage.local)).toBe(`tcp ${S} > ${W}`);
  });

  it("an INVALID packet of the original direction leaves with its private source", () => {
    const gateway = snatGateway();
    establish(gateway);
    const passage = gateway.receive("lan", tcp(C, S, "A", { seq: 1 << 30, ack: 9001 }));
    expect(passage.seenAs).toBe("INVALID");
    expect(ends(passage.out)).toBe(`tcp ${C} > ${S}`);
  });

  it("unacknowledged data lives 300 seconds, not 432000", () => {
    const gateway = snatGateway();
    establish(gateway);
    expect(gateway.ct.list()[0].timeoutSeconds).toBe(432_000);
    gateway.receive("lan", tcp(C, S, "PA", { seq: 1001, ack: 9001, len: 5 }));
    expect(gateway.ct.list()[0].timeoutSeconds).toBe(300);
    gateway.receive("wan", tcp(S, W, "A", { seq: 9001, ack: 1006 }));
    expect(gateway.ct.list()[0].timeoutSeconds).toBe(432_000);
  });

  it("TCP to a closed port of the gateway makes an entry, and the RST destroys it", () => {
    const gateway = new Gateway();
    const syn = gateway.receive("lan", tcp("192.168.1.10:40000", "192.168.1.1:81", "S", { seq: 1 }));
    expect(syn.events[0]).toMatch(/^\[NEW\] tcp 120 SYN_SENT/);
    const rst = gateway.send("lan", tcp("192.168.1.1:81", "192.168.1.10:40000", "RA", { ack: 2 }));
    expect(rst.events[0]).toMatch(/^\[DESTROY\] tcp 120 CLOSE .*\[UNREPLIED\]/);
    expect(gateway.ct.count).toBe(0);
  });

  it("UDP to a closed port of the gateway keeps its entry, and the ICMP error is RELATED to it", () => {
    const gateway = new Gateway();
    const datagram = udp("192.168.1.10:5000", "192.168.1.1:81");
    gateway.receive("lan", datagram);
    const error = gateway.send(
      "lan",
      icmpAbout("192.168.1.1", "192.168.1.10", ICMP_DEST_UNREACH, ICMP_PORT_UNREACH, datagram),
    );
    expect(error).toMatchObject({ seenAs: "RELATED REPLY", events: [] });
    expect(gateway.ct.list()).toHaveLength(1);
  });

  it("an expired entry met by its tuple again: DESTROY, then NEW", () => {
    const gateway = new Gateway();
    gateway.receive("lan", udp(C, S));
    gateway.seconds(31);
    expect(gateway.events()).toEqual([]);
    const { events } = gateway.receive("lan", udp(C, S));
    expect(events.map((line) => line.split(" ")[0])).toEqual(["[DESTROY]", "[NEW]"]);
  });

  it("one address and one destination: when all ports are taken, insert_failed and a drop", () => {
    const gateway = new Gateway();
    gateway.snat(range("198.51.100.1", "198.51.100.1", [5000, 5003]));
    const sent = Array.from({ length: 5 }, (_, i) =>
      gateway.receive("lan", tcp(`192.168.1.${20 + i}:999`, S, "S", { seq: 1 })),
    );
    expect(new Set(sent.slice(0, 4).map(({ out }) => ends(out))).size).toBe(4);
    expect(sent[4].out).toBeNull();
    expect(gateway.ct.stats).toMatchObject({ insertFailed: 1, drop: 1, insert: 0 });
    expect(gateway.ct.count).toBe(4);
  });

  it("events are delivered at confirm: a packet dropped on its way leaves no entry and no event", () => {
    const gateway = snatGateway();
    gateway.forwards = () => false;
    expect(gateway.receive("lan", tcp(C, S, "S"))).toMatchObject({ seenAs: "NEW", out: null, events: [] });
    expect(gateway.ct.count).toBe(0);
    expect(gateway.ct.list()).toEqual([]);
  });

  it("a UDP sender without checksum gets none from NAT", () => {
    const gateway = snatGateway();
    const { out } = gateway.receive("lan", udp(C, S, false));
    expect(ends(out)).toBe(`udp ${W} > ${S}`);
    expect(udpChecksum(out as Uint8Array, 20)).toBe(0);
  });
});

describe("the life of an entry", () => {
  it("TIME_WAIT is over after 120 s: hidden at once, DESTROY with the sweep of that minute", () => {
    const gateway = snatGateway();
    establish(gateway);
    gateway.receive("lan", tcp(C, S, "FA", { seq: 1001, ack: 9001 }));
    gateway.receive("wan", tcp(S, W, "FA", { seq: 9001, ack: 1002 }));
    gateway.receive("lan", tcp(C, S, "A", { seq: 1002, ack: 9002 }));
    gateway.seconds(119);
    expect(gateway.ct.list()).toHaveLength(1);
    gateway.seconds(61);
    expect(gateway.events()).toEqual([`[DESTROY] tcp TIME_WAIT ${ORIGINAL} ${REPLY} [ASSURED]`]);
    expect(gateway.ct.count).toBe(0);
    expect(gateway.clock.nextMicros).toBe(Number.POSITIVE_INFINITY);
  });

  it("UDP: 30 s unanswered and answered, 120 s and ASSURED as a stream after two seconds", () => {
    const gateway = snatGateway();
    const seconds = (): number => gateway.ct.list()[0].timeoutSeconds;
    gateway.receive("lan", udp(C, S));
    expect(seconds()).toBe(30);
    gateway.receive("wan", udp(S, W));
    gateway.receive("lan", udp(C, S));
    expect(seconds()).toBe(30);
    gateway.seconds(2.004);
    expect(gateway.receive("lan", udp(C, S)).events[0]).toMatch(/^\[UPDATE\] udp 120 .*\[ASSURED\]$/);
    expect(seconds()).toBe(120);
  });

  it("a full table drops early what is not assured, else refuses with the kernel's words", () => {
    const gateway = snatGateway();
    // So many entries that eight of the chains hold some, whatever the seed.
    gateway.sysctl("max", 1000);
    gateway.sysctl("buckets", 1);
    for (let port = 1; port <= 1000; port++) gateway.receive("lan", udp(`192.168.1.10:${port}`, S));
    const next = gateway.receive("lan", udp("192.168.1.11:1", S));
    const kinds = next.events.map((line) => line.split(" ")[0]);
    expect([kinds.at(-1), new Set(kinds.slice(0, -1))]).toEqual(["[NEW]", new Set(["[DESTROY]"])]);
    expect(gateway.ct.stats.earlyDrop).toBe(kinds.length - 1);
    gateway.ct.flush();
    gateway.sysctl("max", 1);
    establish(gateway);
    expect(gateway.receive("lan", udp("192.168.1.11:2", S)).out).toBeNull();
    expect(gateway.log).toEqual(["nf_conntrack: nf_conntrack: table full, dropping packet"]);
  });

  it("a full table whose chains are parted drops what one of the kernel's chains has, wherever its parts are", () => {
    const gateway = new Gateway();
    const { table } = gateway.ct;
    gateway.sysctl("buckets", 65_536);
    gateway.sysctl("max", 90_000);
    for (let host = 0; host < 15; host++)
      for (let port = 1; port <= 6000; port++) gateway.receive("lan", udp(`192.168.1.${10 + host}:${port}`, S));
    expect(table.heads.length).toBeGreaterThan(table.limit);
    /** The entries of each chain of the full size, by their clients. */
    const chains = (): Map<number, Set<string>> => {
      const found = new Map<number, Set<string>>();
      for (let bucket = 0; bucket < table.heads.length; bucket++)
        for (let node = table.heads[bucket]; node !== 0; node = table.next(node)) {
          const chain = table.fullSizeChainOf(node);
          const entry = node >>> 1;
          const client = `${gateway.ct.srcOf(entry, 0)}:${gateway.ct.sportOf(entry, 0)}`;
          found.set(chain, (found.get(chain) ?? new Set()).add(client));
        }
      return found;
    };
    const before = chains();
    gateway.receive("lan", udp("192.168.1.9:1", S));
    const { earlyDrop } = gateway.ct.stats;
    expect([earlyDrop > 1, gateway.ct.count]).toEqual([true, 90_000 - earlyDrop + 1]);
    // All who stood in one chain are gone, and nobody else.
    const left = new Set([...chains().values()].flatMap((clients) => [...clients]));
    const emptied = [...before.values()].filter((clients) => [...clients].every((client) => !left.has(client)));
    expect(Math.max(...emptied.map(({ size }) => size))).toBe(earlyDrop);
  });

  it("masqueraded entries end with their device and with their address; others stay", () => {
    for (const end of [
      (gateway: Gateway): void => gateway.setDown(gateway.wan),
      (gateway: Gateway): void => gateway.removeAddress(gateway.wan, gateway.wanAddress),
    ]) {
      const gateway = new Gateway();
      gateway.masquerade(range("0.0.0.0"));
      gateway.receive("lan", udp(C, S));
      gateway.receive("lan", udp("192.168.1.10:1", "192.168.1.1:2"));
      end(gateway);
      expect(gateway.events()).toHaveLength(1);
      expect(gateway.ct.list().map(({ tuple }) => tuple[0].dst)).toEqual(["192.168.1.1"]);
    }
  });

  it("counters and time stamps are kept when asked for, and told in DESTROY only", () => {
    const gateway = new Gateway();
    gateway.sysctl("acct", 1);
    gateway.sysctl("timestamp", 1);
    const carried: unknown[] = [];
    gateway.ct.subscribe(({ type, carries }) => carried.push([type, carries.counters, carries.timestamp]));
    gateway.seconds(5);
    gateway.receive("lan", udp(C, S));
    gateway.receive("wan", udp(S, C));
    const [entry] = gateway.ct.list();
    expect(entry.counters).toEqual([
      { packets: 1, bytes: 29 },
      { packets: 1, bytes: 29 },
    ]);
    expect(entry.timestamp?.startNanos).toBe(BigInt(gateway.clock.epochMillis + 5000) * 1_000_000n);
    gateway.ct.flush();
    expect(carried).toEqual([
      ["NEW", false, false],
      ["UPDATE", false, false],
      ["DESTROY", true, true],
    ]);
  });

  it("two clients with one source port: the second gets another, and both answers find their way", () => {
    const gateway = snatGateway();
    gateway.receive("lan", tcp(C, S, "S", { seq: 1 }));
    const second = gateway.receive("lan", tcp("192.168.1.11:40000", S, "S", { seq: 1 }));
    const port = Number(/198\.51\.100\.1:(\d+)/.exec(ends(second.out) ?? "")?.[1]);
    expect(port).toBeGreaterThanOrEqual(1024);
    expect(port).not.toBe(40_000);
    const answer = gateway.receive("wan", tcp(S, `198.51.100.1:${port}`, "SA", { seq: 1, ack: 2 }));
    expect(ends(answer.out)).toBe(`tcp ${S} > 192.168.1.11:40000`);
    expect(ends(gateway.receive("wan", tcp(S, W, "SA", { seq: 1, ack: 2 })).out)).toBe(`tcp ${S} > ${C}`);
  });

  it("two clients with one echo id: told apart by a changed id", () => {
    const gateway = snatGateway();
    gateway.receive("lan", echo("192.168.1.10", "198.51.100.9", 7, 1));
    const second = gateway.receive("lan", echo("192.168.1.11", "198.51.100.9", 7, 1));
    const id = Number(/id (\d+)/.exec(ends(second.out) ?? "")?.[1]);
    expect(id).not.toBe(7);
    const answer = gateway.receive("wan", echo("198.51.100.9", "198.51.100.1", id, 1, true));
    expect(ends(answer.out)).toBe("icmp 198.51.100.9 > 192.168.1.11 type 0 id 7");
  });

  it("a rejecting answer carries the refused packet's entry, which is not confirmed by it", () => {
    const gateway = new Gateway();
    const skb = new SkBuff(udp(C, S));
    gateway.net.hooks.run(0, skb, null, null);
    const answer = gateway.send("lan", icmpAbout("192.168.1.1", "192.168.1.10", 3, 3, udp(C, S)), skb);
    expect(answer.seenAs).toBe("RELATED REPLY");
    expect(gateway.ct.statusOf(skb.nfct) & IPS_CONFIRMED).toBe(0);
    gateway.ct.release(skb);
    expect(gateway.ct.count).toBe(0);
  });
});

describe("sysctls", () => {
  const net = new Gateway().net;
  const read = (name: string): string | undefined => net.sysctl.lookup(`net.netfilter.nf_conntrack_${name}`)?.get();

  // Read from /proc/sys/net/netfilter of a machine with Linux 6.18.
  it.each([
    ["tcp_timeout_syn_sent", "120"],
    ["tcp_timeout_syn_recv", "60"],
    ["tcp_timeout_established", "432000"],
    ["tcp_timeout_fin_wait", "120"],
    ["tcp_timeout_close_wait", "60"],
    ["tcp_timeout_last_ack", "30"],
    ["tcp_timeout_time_wait", "120"],
    ["tcp_timeout_close", "10"],
    ["tcp_timeout_max_retrans", "300"],
    ["tcp_timeout_unacknowledged", "300"],
    ["udp_timeout", "30"],
    ["udp_timeout_stream", "120"],
    ["icmp_timeout", "30"],
    ["generic_timeout", "600"],
    ["tcp_loose", "1"],
    ["tcp_be_liberal", "0"],
    ["tcp_max_retrans", "3"],
    ["tcp_ignore_invalid_rst", "0"],
    ["checksum", "1"],
    ["acct", "0"],
    ["timestamp", "0"],
    ["events", "2"],
    ["log_invalid", "0"],
    ["max", "262144"],
    ["buckets", "262144"],
    ["count", "0"],
  ])("%s is %s at first", (name, value) => {
    expect(read(name)).toBe(value);
  });

  it.each([
    ["tcp_loose", "2"],
    ["acct", "2"],
    ["events", "3"],
    ["log_invalid", "256"],
    ["tcp_max_retrans", "256"],
    ["checksum", "5"],
    ["udp_timeout", "soon"],
  ])("%s refuses %s", (name, value) => {
    const before = read(name);
    expect(() => net.sysctl.lookup(`net.netfilter.nf_conntrack_${name}`)?.set?.(value)).toThrow("EINVAL");
    expect(read(name)).toBe(before);
  });

  it("invalid packets are logged when asked for, with the reason", () => {
    const gateway = snatGateway();
    gateway.sysctl("log_invalid", 6);
    establish(gateway);
    gateway.receive("wan", tcp(S, W, "A", { seq: 1 << 30, ack: 1001 }));
    // The client acknowledged 9001 and offered 64240 bytes.
    expect(gateway.log).toEqual(["nf_ct_proto_6: SEQ is over upper bound 73242 (over the window of the receiver)"]);
  });
});

describe("invariants", () => {
  it("an expired entry with both tuples in one chain is collected by the lookup that meets it, and the chain goes on", () => {
    const gateway = snatGateway();
    gateway.ct.table.setLimit(1);
    for (const port of [1, 2, 3]) {
      gateway.receive("lan", udp(`192.168.1.10:${port}`, S));
      gateway.seconds(port);
    }
    // The oldest entry's time is over, and so is the second's: the sweep has not come yet.
    gateway.seconds(26);
    gateway.receive("lan", udp("192.168.1.10:4", S));
    checkInvariants(gateway.net);
    expect(gateway.ct.count).toBe(2);
    checkNothingLeaks(gateway.net);
  });

  it("whatever passes: both tuples of each entry are found, belong to it alone, and no reference is lost", () => {
    const packet = record({
      kind: integer({ min: 0, max: 5 }),
      host: integer({ min: 10, max: 13 }),
      port: integer({ min: 1, max: 4 }),
      pause: integer({ min: 0, max: 40 }),
      drop: boolean(),
    });
    assert(
      property(array(packet, { maxLength: 80 }), (packets) => {
        const gateway = new Gateway();
        gateway.snat(range("198.51.100.1", "198.51.100.1", [2000, 2005]));
        for (const { kind, host, port, pause, drop } of packets) {
          const client = `192.168.1.${host}:${port}`;
          gateway.forwards = () => !drop;
          if (kind === 0) gateway.receive("lan", udp(client, S));
          else if (kind === 1) gateway.receive("wan", udp(S, `198.51.100.1:${1999 + port}`));
          else if (kind === 2) gateway.receive("lan", tcp(client, S, "S", { seq: pause }));
          else if (kind === 3) gateway.receive("lan", tcp(client, S, "RA", { seq: pause + 1 }));
          else if (kind === 4) gateway.receive("lan", echo(`192.168.1.${host}`, "198.51.100.9", port, 1));
          else gateway.seconds(pause);
          checkInvariants(gateway.net);
        }
        checkNothingLeaks(gateway.net);
      }),
      { numRuns: 150 },
    );
  });
});
