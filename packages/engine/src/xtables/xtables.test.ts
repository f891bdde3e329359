import { describe, expect, test } from "vitest";
import { VirtualClock } from "../clock.js";
import type { NetDevice } from "../dev/device.js";
import { TunDevice } from "../dev/tun.js";
import {
  HOOK_NAMES,
  type HookNumber,
  NF_ACCEPT,
  NF_DROP,
  NF_INET_FORWARD,
  NF_INET_LOCAL_IN,
  NF_INET_LOCAL_OUT,
  NF_INET_PRE_ROUTING,
} from "../hooks.js";
import { NetNamespace } from "../netns.js";
import { SeededRandom } from "../random.js";
import { IP_CT_UNTRACKED, SkBuff } from "../skb.js";
import { isCall, type PacketTrace, type TraceCall, type TraceNote } from "../trace.js";
import { parseIPv4 } from "../wire/address.js";
import { buildIcmp, icmpEcho } from "../wire/icmp.js";
import { buildIPv4, type IPv4Packet } from "../wire/ipv4.js";
import { buildTcp, TCP_ACK, TCP_SYN, type TcpSegment } from "../wire/tcp.js";
import { buildUdp } from "../wire/udp.js";
import { Chain } from "./chain.js";
import { RulesetError } from "./error.js";
import type { TableName } from "./extension.js";
import { parseCommand } from "./parse.js";
import { ruleText } from "./print.js";
import { Rule } from "./rule.js";
import type { XtFlavour } from "./table.js";

const SRC = parseIPv4("10.0.0.1");
const DST = parseIPv4("192.168.1.2");

function namespace(): NetNamespace {
  return new NetNamespace("host", new VirtualClock(), new SeededRandom(1));
}

function ip(protocol: number, payload: Uint8Array, more: Partial<IPv4Packet> = {}): SkBuff {
  return new SkBuff(buildIPv4({ src: SRC, dst: DST, protocol, payload, ...more }));
}

function tcp(segment: Partial<TcpSegment> = {}, more: Partial<IPv4Packet> = {}): SkBuff {
  return ip(6, buildTcp({ sport: 1024, dport: 80, seq: 1, flags: TCP_SYN, ...segment }, SRC, DST), more);
}

function udp(sport: number, dport: number): SkBuff {
  return ip(17, buildUdp({ sport, dport, payload: new Uint8Array(4) }, SRC, DST));
}

function echo(type = 8, code = 0): SkBuff {
  const bytes = buildIcmp(icmpEcho(1, 1, new Uint8Array(8)));
  bytes[0] = type;
  bytes[1] = code;
  return ip(1, bytes);
}

/** Appends the rule of a command line's words. */
function append(net: NetNamespace, words: string, table: TableName = "filter", flavour: XtFlavour = "legacy"): Rule {
  const xt = flavour === "legacy" ? net.xtLegacy : net.xtNft;
  const parsed = parseCommand(words.split(" "), {
    table,
    restore: false,
    family: "ipv4",
    flavour,
    program: "iptables",
    before: "iptables",
  });
  const into = xt.table(table);
  const name = parsed.chain as string;
  return xt.change(into, () => {
    const chain = xt.builtinChain(into, name) ?? into.chains.get(name) ?? new Chain(name, null);
    into.chains.set(name, chain);
    const { action } = parsed.rule;
    const target = action.kind === "chain" ? into.chains.get(action.name) : undefined;
    if (action.kind === "chain" && target === undefined) throw new Error(`no chain ${action.name}`);
    const rule = new Rule(
      parsed.rule.specs[0],
      parsed.rule.matches,
      action.kind === "chain" && target !== undefined
        ? { kind: "jump", chain: target, goto: action.goto }
        : action.kind === "target"
          ? action
          : { kind: "none" },
    );
    chain.rules.push(rule);
    return rule;
  });
}

function device(net: NetNamespace, name: string): NetDevice {
  return net.devices.get(name) ?? new TunDevice(net, name);
}

/** Sends a packet through FORWARD from `in0` to `out0`. */
function forward(net: NetNamespace, skb: SkBuff): number {
  return net.hooks.run(NF_INET_FORWARD, skb, device(net, "in0"), device(net, "out0"));
}

describe("what a rule matches", () => {
  const fragment = { fragmentOffset: 10, moreFragments: true };
  const rows: readonly [string, string, () => SkBuff, boolean][] = [
    ["source", "-s 10.0.0.1", tcp, true],
    ["source, another", "-s 10.0.0.2", tcp, false],
    ["source network", "-s 10.0.0.0/8", tcp, true],
    ["source network inverted", "! -s 10.0.0.0/8", tcp, false],
    ["mask with holes", "-s 10.9.0.1/255.0.0.255", tcp, true],
    ["destination", "-d 192.168.1.0/24", tcp, true],
    ["destination inverted", "! -d 192.168.2.0/24", tcp, true],
    ["in interface", "-i in0", tcp, true],
    ["in interface, another", "-i in", tcp, false],
    ["in interface prefix", "-i in+", tcp, true],
    ["in interface inverted", "! -i in0", tcp, false],
    ["out interface", "-o out0", tcp, true],
    ["any interface", "-i +", tcp, true],
    ["protocol", "-p tcp", tcp, true],
    ["protocol, another", "-p udp", tcp, false],
    ["protocol inverted", "! -p udp", tcp, true],
    ["fragment", "-f", () => tcp({}, fragment), true],
    ["fragment of a whole packet", "-f", tcp, false],
    ["no fragment", "! -f", tcp, true],
    ["tcp dport", "-p tcp --dport 80", tcp, true],
    ["tcp dport range", "-p tcp --dport 79:81", tcp, true],
    ["tcp dport outside", "-p tcp --dport 81:", tcp, false],
    ["tcp sport inverted", "-p tcp ! --sport 1024", tcp, false],
    ["tcp port of a fragment", "-p tcp --dport 80", () => tcp({}, fragment), false],
    ["syn", "-p tcp --syn", tcp, true],
    ["syn of an answer", "-p tcp --syn", () => tcp({ flags: TCP_SYN | TCP_ACK }), false],
    ["tcp flags", "-p tcp --tcp-flags SYN,ACK SYN,ACK", () => tcp({ flags: TCP_SYN | TCP_ACK }), true],
    ["tcp flags inverted", "-p tcp ! --tcp-flags ALL NONE", tcp, true],
    ["tcp option", "-p tcp --tcp-option 2", () => tcp({ options: { mss: 1460 } }), true],
    ["tcp option absent", "-p tcp --tcp-option 3", () => tcp({ options: { mss: 1460 } }), false],
    ["tcp option absent, inverted", "-p tcp ! --tcp-option 3", tcp, true],
    ["udp port", "-p udp --dport 53", () => udp(1, 53), true],
    ["udp port, another", "-p udp --dport 53", () => udp(1, 54), false],
    ["icmp type", "-p icmp --icmp-type echo-request", echo, true],
    ["icmp type, another", "-p icmp --icmp-type echo-reply", echo, false],
    ["icmp any", "-p icmp --icmp-type any", echo, true],
    ["icmp type and code", "-p icmp --icmp-type 3/4", () => echo(3, 4), true],
    ["icmp type and another code", "-p icmp --icmp-type 3/4", () => echo(3, 3), false],
    ["icmp type inverted", "-p icmp ! --icmp-type 3", echo, true],
    ["multiport", "-p tcp -m multiport --dports 22,80", tcp, true],
    ["multiport range", "-p tcp -m multiport --ports 1000:1030", tcp, true],
    ["multiport sports", "-p tcp -m multiport --sports 22,80", tcp, false],
    ["multiport inverted", "-p tcp -m multiport ! --dports 22", tcp, true],
    ["mark", "-m mark --mark 0x10/0xf0", () => Object.assign(tcp(), { mark: 0x1f }), true],
    ["mark, another", "-m mark --mark 1", tcp, false],
    ["mark inverted", "-m mark ! --mark 1", tcp, true],
    ["comment", "-m comment --comment x", tcp, true],
    ["connmark without connection", "-m connmark --mark 0", tcp, false],
    ["state without connection", "-m state --state INVALID", tcp, true],
    ["ctstate without connection", "-m conntrack --ctstate NEW", tcp, false],
    ["ctproto without connection", "-m conntrack --ctproto 6", tcp, false],
    ["untracked", "-m conntrack --ctstate UNTRACKED", () => Object.assign(tcp(), { ctinfo: IP_CT_UNTRACKED }), true],
  ];
  test.each(rows)("%s: %s", (_name, spec, packet, matched) => {
    const net = namespace();
    const rule = append(net, `-A FORWARD ${spec}`);
    const skb = packet();
    expect(forward(net, skb)).toBe(NF_ACCEPT);
    expect([rule.packets, rule.bytes]).toEqual(matched ? [1, skb.len] : [0, 0]);
  });

  test.each([
    ["a TCP header cut off", "-p tcp --dport 80", 30],
    ["a UDP header cut off", "-p udp --dport 80", 24],
    ["an ICMP header cut off", "-p icmp --icmp-type 8", 22],
  ])("%s is dropped at once", (_name, spec, length) => {
    const net = namespace();
    append(net, `-A FORWARD ${spec}`);
    const skb = spec.includes("tcp") ? tcp() : spec.includes("udp") ? udp(1, 1) : echo();
    skb.len = length;
    expect(forward(net, skb)).toBe(NF_DROP);
  });
});

test("limit: a burst, then one for each period", () => {
  const net = namespace();
  const rule = append(net, "-A FORWARD -m limit --limit 2/sec --limit-burst 3");
  const send = (count: number): number => {
    const before = rule.packets;
    for (let i = 0; i < count; i++) forward(net, tcp());
    return rule.packets - before;
  };
  expect(send(10)).toBe(3);
  net.clock.advance(500_000);
  expect(send(10)).toBe(1);
  net.clock.advance(60_000_000);
  expect(send(10)).toBe(3);
});

describe("the way through chains", () => {
  test("jump, return, goto, policy", () => {
    const net = namespace();
    append(net, "-A sub -p tcp -j RETURN");
    append(net, "-A sub -j DROP");
    append(net, "-A leaf -s 10.0.0.1");
    append(net, "-A mid -g leaf");
    append(net, "-A mid -j DROP");
    append(net, "-A FORWARD -j sub");
    append(net, "-A FORWARD -j mid");
    const last = append(net, "-A FORWARD -d 192.168.1.2");
    const chain = net.xtLegacy.table("filter").chains.get("FORWARD") as Chain;
    expect(forward(net, tcp())).toBe(NF_ACCEPT);
    expect([last.packets, chain.policyPackets, chain.policyBytes]).toEqual([1, 1, 40]);
    chain.policy = "DROP";
    expect(forward(net, tcp())).toBe(NF_DROP);
    expect(forward(net, udp(1, 2))).toBe(NF_DROP);
    expect([last.packets, chain.policyPackets]).toEqual([2, 2]);
  });

  test("counters beyond 32 bits", () => {
    const net = namespace();
    const rule = append(net, "-A FORWARD -p tcp");
    rule.bytes = 2 ** 40;
    forward(net, tcp());
    expect(rule.bytes).toBe(2 ** 40 + 40);
  });

  test("MARK works on the packet, and the next rule sees it", () => {
    const net = namespace();
    append(net, "-A FORWARD -j MARK --set-mark 0x80000001");
    const rule = append(net, "-A FORWARD -m mark --mark 0x80000001");
    const skb = tcp();
    forward(net, skb);
    expect([skb.mark, rule.packets]).toEqual([0x80000001, 1]);
  });

  test("a change that fails leaves everything as it was", () => {
    const net = namespace();
    append(net, "-A FORWARD -p tcp");
    append(net, "-A a -p tcp");
    append(net, "-A FORWARD -j a");
    const text = (): string[] =>
      [...net.xtLegacy.table("filter").chains.values()].flatMap((chain) =>
        chain.rules.map((rule) => ruleText(chain.name, rule)),
      );
    const before = text();
    expect(() => append(net, "-A a -j a")).toThrow(RulesetError);
    expect(() => append(net, "-A FORWARD -j SNAT --to-source 1.2.3.4")).toThrow(RulesetError);
    expect(text()).toEqual(before);
  });
});

describe("LOG", () => {
  test("the kernel's line", () => {
    const net = namespace();
    const lines: string[] = [];
    net.printk = (line) => lines.push(line);
    append(net, "-A FORWARD -j LOG --log-prefix fw: --log-tcp-sequence --log-tcp-options");
    forward(net, tcp({ options: { mss: 1460 } }, { dontFragment: true, id: 7, tos: 0x10 }));
    forward(net, echo());
    expect(lines).toEqual([
      "fw:IN=in0 OUT=out0 MAC= SRC=10.0.0.1 DST=192.168.1.2 LEN=44 TOS=0x10 PREC=0x00 TTL=64 ID=7 DF PROTO=TCP SPT=1024 DPT=80 SEQ=1 ACK=0 WINDOW=64240 RES=0x00 SYN URGP=0 OPT (020405B4) ",
      "fw:IN=in0 OUT=out0 MAC= SRC=10.0.0.1 DST=192.168.1.2 LEN=36 TOS=0x00 PREC=0x00 TTL=64 ID=0 PROTO=ICMP TYPE=8 CODE=0 ID=1 SEQ=1 ",
    ]);
  });

  test("TRACE in the legacy flavour: every rule, and the policy", () => {
    const net = namespace();
    const lines: string[] = [];
    net.printk = (line) => lines.push(line.split(" ")[1]);
    append(net, "-A PREROUTING -j TRACE", "raw");
    append(net, "-A sub -p tcp");
    append(net, "-A FORWARD -j sub");
    append(net, "-A FORWARD -p tcp");
    const skb = tcp();
    net.hooks.run(NF_INET_PRE_ROUTING, skb, device(net, "in0"), null);
    forward(net, skb);
    expect(lines).toEqual([
      "raw:PREROUTING:policy:2",
      "filter:FORWARD:rule:1",
      "filter:sub:rule:1",
      "filter:sub:return:2",
      "filter:FORWARD:rule:2",
      "filter:FORWARD:policy:3",
    ]);
  });
});

describe("who hangs where", () => {
  const registry = (net: NetNamespace): string[] =>
    HOOK_NAMES.flatMap((name, hook) =>
      net.hooks
        .entries(hook as HookNumber)
        .map((ops) => `${name} ${ops.priority} ${ops.name} [${ops.module}] ${ops.label}`),
    );

  test("nothing before the first use; a legacy table whole", () => {
    const net = namespace();
    expect(registry(net)).toEqual([]);
    net.xtLegacy.table("filter");
    net.xtLegacy.table("mangle");
    net.xtLegacy.table("raw");
    expect(registry(net)).toEqual([
      "PREROUTING -300 ipt_do_table [ip_tables] raw",
      "PREROUTING -150 iptable_mangle_hook [iptable_mangle] mangle",
      "INPUT -150 iptable_mangle_hook [iptable_mangle] mangle",
      "INPUT 0 ipt_do_table [ip_tables] filter",
      "FORWARD -150 iptable_mangle_hook [iptable_mangle] mangle",
      "FORWARD 0 ipt_do_table [ip_tables] filter",
      "OUTPUT -300 ipt_do_table [ip_tables] raw",
      "OUTPUT -150 iptable_mangle_hook [iptable_mangle] mangle",
      "OUTPUT 0 ipt_do_table [ip_tables] filter",
      "POSTROUTING -150 iptable_mangle_hook [iptable_mangle] mangle",
    ]);
  });

  test("a table of the nft flavour chain by chain", () => {
    const net = namespace();
    append(net, "-A INPUT -p tcp", "filter", "nft");
    append(net, "-A OUTPUT -j MARK --set-mark 1", "mangle", "nft");
    expect(registry(net)).toEqual([
      "INPUT 0 nft_do_chain_ipv4 [nf_tables] filter",
      "OUTPUT -150 nf_route_table_hook4 [nf_tables] mangle",
    ]);
  });

  test("security hangs at 50 in legacy, at 150 where iptables-nft made it", () => {
    const net = namespace();
    append(net, "-A FORWARD -p tcp", "security", "nft");
    net.xtLegacy.table("security");
    expect(registry(net).filter((line) => line.startsWith("FORWARD"))).toEqual([
      "FORWARD 50 ipt_do_table [ip_tables] security",
      "FORWARD 150 nft_do_chain_ipv4 [nf_tables] security",
    ]);
  });

  test("of equal priorities the one registered last runs first", () => {
    const net = namespace();
    append(net, "-A INPUT -p tcp", "filter", "legacy");
    append(net, "-A INPUT -p tcp", "filter", "nft");
    expect(net.hooks.entries(NF_INET_LOCAL_IN).map((ops) => ops.name)).toEqual(["nft_do_chain_ipv4", "ipt_do_table"]);
  });

  test("SNAT makes the host track connections; without it nothing does", () => {
    const net = namespace();
    expect(net.ct.enabled).toBe(false);
    append(net, "-A POSTROUTING -o out0 -j SNAT --to-source 1.2.3.4", "nat");
    expect(net.ct.enabled).toBe(true);
    const { xtLegacy } = net;
    const table = xtLegacy.table("nat");
    xtLegacy.change(table, () => {
      for (const chain of table.chains.values()) chain.rules = [];
    });
    expect(net.ct.enabled).toBe(false);
  });
});

describe("the trace", () => {
  /** Calls by name, nested, with what the rules and policies said. */
  function shape(items: readonly (TraceCall | TraceNote)[]): unknown[] {
    return items.flatMap((item): unknown[] => {
      if (isCall(item)) return [[`${item.fn} [${item.module}]`, ...shape(item.children)]];
      if (item.kind === "rule") return [`${item.chain}:${item.number} ${item.rule} ${item.matched}`];
      return item.kind === "policy" ? [`${item.chain} policy ${item.verdict}`] : [];
    });
  }

  test.each([
    [
      "legacy",
      [
        "nf_hook_slow [null]",
        [
          "iptable_mangle_hook [iptable_mangle]",
          ["ipt_do_table [ip_tables]", "FORWARD:1 -A FORWARD -p udp false", "FORWARD policy ACCEPT"],
        ],
        ["ipt_do_table [ip_tables]", "FORWARD:1 -A FORWARD -p tcp -j ACCEPT true"],
      ],
    ],
    [
      "nft",
      [
        "nf_hook_slow [null]",
        [
          "nft_do_chain_ipv4 [nf_tables]",
          ["nft_do_chain [nf_tables]", "FORWARD:1 -A FORWARD -p udp false", "FORWARD policy ACCEPT"],
        ],
        ["nft_do_chain_ipv4 [nf_tables]", ["nft_do_chain [nf_tables]", "FORWARD:1 -A FORWARD -p tcp -j ACCEPT true"]],
      ],
    ],
  ] as const)("%s: the kernel's functions, and the rules within", (flavour, expected) => {
    const net = namespace();
    append(net, "-A FORWARD -p udp", "mangle", flavour);
    append(net, "-A FORWARD -p tcp -j ACCEPT", "filter", flavour);
    const passages: PacketTrace[] = [];
    net.listen((passage) => passages.push(passage));
    const skb = tcp();
    net.trace?.begin(skb);
    forward(net, skb);
    net.trace?.end();
    expect(shape(passages[0].calls)).toEqual([expected]);
  });
});

test("mangle OUTPUT routes again when the mark changed", () => {
  const net = namespace();
  append(net, "-A OUTPUT -p tcp -j MARK --set-mark 1", "mangle");
  // There is no route to the destination here, so routing again fails and the packet is dropped with an errno.
  expect(net.hooks.run(NF_INET_LOCAL_OUT, tcp(), null, null) & 0xff).toBe(NF_DROP);
  expect(net.hooks.run(NF_INET_LOCAL_OUT, udp(1, 2), null, null)).toBe(NF_ACCEPT);
});
