/** Properties of the iptables family: what it prints, it reads, and the same comes out again. */
import { NetNamespace, SeededRandom, VirtualClock } from "@netfilter-lab/engine";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Reader, Writer } from "../command.js";
import { FileSystem } from "../files.js";
import { iptablesTools } from "./iptables-commands.js";

class Text implements Writer {
  text = "";

  write(text: string): boolean {
    this.text += text;
    return true;
  }
}

function run(net: NetNamespace, name: string, args: readonly string[], input = ""): string {
  let left: string | null = input;
  const stdin: Reader = {
    read() {
      const now = left;
      left = null;
      return now === "" ? null : now;
    },
    readable: { arm: () => () => {} },
  };
  const stdout = new Text();
  const stderr = new Text();
  const host = { files: new FileSystem(net) };
  let status = iptablesTools[name]({ net, args, argv0: name, stdin, stdout, stderr, host });
  if (typeof status !== "number") {
    let step = status.next();
    while (step.done !== true) step = status.next();
    status = step.value;
  }
  if (status !== 0) throw new Error(`${name} ${args.join(" ")}: ${status} ${stderr.text}`);
  return stdout.text;
}

function namespace(): NetNamespace {
  return new NetNamespace("host", new VirtualClock(), new SeededRandom(1));
}

describe("ip6tables", () => {
  // As ip6tables-save 1.8.9 prints what the same tool was given.
  const rows: readonly [string, string, string][] = [
    ["filter", "-A INPUT -s 2001:DB8::1 -j ACCEPT", "-A INPUT -s 2001:db8::1/128 -j ACCEPT"],
    ["filter", "-A INPUT -d 2001:db8:1::/48 -p tcp --dport 80", "-A INPUT -d 2001:db8:1::/48 -p tcp -m tcp --dport 80"],
    [
      "filter",
      "-A INPUT ! -s 2001:db8::/ffff:ffff:0:ffff:: -p icmpv6 -j DROP",
      "-A INPUT ! -s 2001:db8::/ffff:ffff:0:ffff:: -p ipv6-icmp -j DROP",
    ],
    ["filter", "-A INPUT -j REJECT", "-A INPUT -j REJECT --reject-with icmp6-port-unreachable"],
    ["filter", "-A INPUT -p 58 --icmpv6-type echo-request", "-A INPUT -p ipv6-icmp -m icmp6 --icmpv6-type 128"],
    ["filter", "-A INPUT -m conntrack --ctorigsrc ::1/64", "-A INPUT -m conntrack --ctorigsrc ::1/64"],
    ["nat", "-A POSTROUTING -j SNAT --to-source 2001:db8::1", "-A POSTROUTING -j SNAT --to-source 2001:db8::1"],
    [
      "nat",
      "-A POSTROUTING -p tcp -j SNAT --to-source [2001:db8::1-2001:db8::5]:9",
      "-A POSTROUTING -p tcp -j SNAT --to-source [2001:db8::1-2001:db8::5]:9",
    ],
    ["nat", "-A POSTROUTING -p tcp -j SNAT --to-source :80", "-A POSTROUTING -p tcp -j SNAT --to-source :80"],
    [
      "nat",
      "-A PREROUTING -p tcp -j DNAT --to-destination [2001:db8::1]",
      "-A PREROUTING -p tcp -j DNAT --to-destination 2001:db8::1",
    ],
  ];
  test.each(rows)("%s: %s", (table, given, saved) => {
    for (const tool of ["ip6tables", "ip6tables-legacy"]) {
      const net = namespace();
      run(net, tool, ["-t", table, ...given.split(" ")]);
      const lines = run(net, `${tool}-save`, ["-t", table]).split("\n");
      expect(lines.find((line) => line.startsWith("-A"))).toBe(saved);
      expect(run(net, tool.replace("ip6", "ip"), ["-t", table, "-S"])).not.toContain("-A");
    }
  });

  const wrong: readonly [string, string][] = [
    ["-A INPUT -f", "`-f' is not supported in IPv6, use -m frag instead"],
    ["-A INPUT -s 1.2.3.4", "host/network `1.2.3.4' not found"],
    ["-A INPUT -s ::/129", "invalid mask `129' specified"],
    ["-A INPUT -m icmp --icmp-type 8", "Couldn't load match `icmp'"],
    ["-t nat -A POSTROUTING -j SNAT --to-source 1.2.3.4", 'Bad IP address "1.2.3.4"'],
    ["-t nat -A POSTROUTING -j SNAT --to-source [::1", "Invalid address format"],
  ];
  test.each(wrong)("%s", (given, message) => {
    expect(() => run(namespace(), "ip6tables", given.split(" "))).toThrow(message);
  });

  test("a restore file serves both families", () => {
    const text = "*filter\n-4 -A INPUT -j DROP\n-A INPUT -6 -s ::1 -j ACCEPT\nCOMMIT\n";
    const net = namespace();
    run(net, "ip6tables-restore", [], text);
    expect(run(net, "ip6tables", ["-S", "INPUT"])).toBe("-P INPUT ACCEPT\n-A INPUT -s ::1/128 -j ACCEPT\n");
  });
});

const port = fc.integer({ min: 0, max: 65535 });
const ports = fc.tuple(port, port).map(([a, b]) => (a < b ? `${a}:${b}` : `${b}:${a}`));
const address = fc
  .tuple(fc.integer({ min: 0, max: 0xffffffff }), fc.integer({ min: 1, max: 32 }))
  .map(([n, length]) => `${n >>> 24}.${(n >>> 16) & 255}.${(n >>> 8) & 255}.${n & 255}/${length}`);
/** iptables-nft refuses the negation of all addresses. */
const everywhere = "0.0.0.0/0";
const not = fc.constantFrom([], ["!"]);
const mark = fc.tuple(fc.nat(0xffff), fc.nat(0xffff)).map(([value, mask]) => `${value}/${mask}`);

/** Words of a part of a rule, or none. */
function maybe(...parts: fc.Arbitrary<readonly string[]>[]): fc.Arbitrary<readonly string[]> {
  return fc.oneof(fc.constant<readonly string[]>([]), ...parts);
}

function words(...parts: fc.Arbitrary<string | readonly string[]>[]): fc.Arbitrary<string[]> {
  return fc.tuple(...parts).map((all) => all.flat());
}

const protocol = maybe(
  words(fc.constant(["-p", "tcp"]), not, fc.constant("--dport"), ports),
  words(fc.constant(["-p", "tcp"]), not, fc.constant(["--tcp-flags", "SYN,ACK,FIN", "SYN"])),
  words(fc.constant(["-p", "udp"]), not, fc.constant("--sport"), ports),
  words(fc.constant(["-p", "icmp"]), not, fc.constant("--icmp-type"), fc.constantFrom("8", "3/4", "any", "redirect")),
  words(not, fc.constant("-p"), fc.constantFrom("47", "esp", "udp", "99")),
);
const match = maybe(
  words(fc.constant(["-m", "mark"]), not, fc.constant("--mark"), mark),
  words(fc.constant(["-m", "conntrack"]), not, fc.constant("--ctstate"), fc.constantFrom("NEW", "RELATED,INVALID")),
  words(
    fc.constant(["-m", "comment", "--comment"]),
    fc.string({ maxLength: 40 }).filter((text) => !text.includes("\n")),
  ),
  words(fc.constant(["-m", "limit", "--limit"]), fc.constantFrom("1/s", "5/min", "7/hour", "90/min")),
);
const action = fc.constantFrom([], ["-j", "ACCEPT"], ["-j", "DROP"], ["-j", "REJECT"], ["-j", "sub"], ["-g", "sub"]);
const rule = words(
  fc.constant(["-A", "FORWARD"]),
  maybe(words(not, fc.constant("-s"), address), fc.constant(["-s", everywhere])),
  maybe(words(not, fc.constant("-d"), address), fc.constant(["-d", everywhere])),
  maybe(words(not, fc.constant("-i"), fc.constantFrom("eth0", "eth+"))),
  protocol,
  match,
  match,
  action,
);

for (const legacy of ["", "-legacy"]) {
  test(`iptables${legacy}-save | iptables${legacy}-restore | iptables${legacy}-save is a fixpoint`, () => {
    fc.assert(
      fc.property(fc.array(rule, { maxLength: 6 }), (rules) => {
        const net = namespace();
        run(net, `iptables${legacy}`, ["-N", "sub"]);
        for (const args of rules) run(net, `iptables${legacy}`, args);
        const saved = run(net, `iptables${legacy}-save`, ["-c"]);
        const again = namespace();
        run(again, `iptables${legacy}-restore`, ["-c"], saved);
        expect(run(again, `iptables${legacy}-save`, ["-c"])).toBe(saved);
        // Every printed rule is found again by what it says.
        for (const line of saved.split("\n").filter((each) => each.includes("-A FORWARD")))
          run(net, `iptables${legacy}-restore`, ["-n"], `*filter\n${line.replace(/^.*-A/, "-C")}\nCOMMIT\n`);
      }),
      { numRuns: 150, seed: 1 },
    );
  });
}

test("the date in iptables-save is the virtual clock's", () => {
  const net = new NetNamespace("host", new VirtualClock(Date.UTC(2026, 0, 1, 12, 0, 0)), new SeededRandom(1));
  net.clock.advance(61_000_000);
  run(net, "iptables", ["-P", "INPUT", "DROP"]);
  expect(run(net, "iptables-save", []).split("\n")[0]).toBe(
    "# Generated by iptables-save v1.8.9 (nf_tables) on Thu Jan  1 12:01:01 2026",
  );
});

test("of letters in one word the unknown one is told by the word before: the name called by, in a restore the table's", () => {
  // As 1.8.9 of both flavours says.
  const net = namespace();
  for (const name of ["iptables", "iptables-legacy", "iptables-nft", "ip6tables-legacy"])
    expect(() => run(net, name, ["-1-5"])).toThrow(`unknown option "${name}"`);
  for (const name of ["iptables-restore", "iptables-legacy-restore"])
    expect(() => run(net, name, [], "*filter\n-1-5\nCOMMIT\n")).toThrow('unknown option "filter"');
});
