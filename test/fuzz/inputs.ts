/** Inputs nobody sane would make, each named by a seed and a number: the same on every machine. */
import { Choice, scenarioSeed } from "../referee/choice.js";
import { KINDS } from "../referee/kinds/index.js";
import { repairChecksums } from "../referee/packets.js";
import { fromHex, isPacket, type Scenario, type Step, toHex } from "../referee/scenario.js";

/** Values at which programs stumble. */
const EDGES = [0, 1, 0x7f, 0x80, 0xff, 0x45, 0x60];

/** Tunables that make a small table of a large one, and short lives of long ones. */
const TIGHT: readonly (readonly [name: string, values: readonly string[]])[] = [
  ["net.netfilter.nf_conntrack_max", ["1", "2", "8", "64"]],
  ["net.netfilter.nf_conntrack_buckets", ["1", "2", "16"]],
  ["net.netfilter.nf_conntrack_acct", ["1"]],
  ["net.netfilter.nf_conntrack_timestamp", ["1"]],
  ["net.netfilter.nf_conntrack_checksum", ["0"]],
  ["net.netfilter.nf_conntrack_tcp_be_liberal", ["1"]],
  ["net.netfilter.nf_conntrack_tcp_loose", ["0"]],
  ["net.netfilter.nf_conntrack_udp_timeout", ["0", "1", "4294967"]],
  ["net.netfilter.nf_conntrack_tcp_timeout_established", ["0", "1"]],
  ["net.netfilter.nf_conntrack_log_invalid", ["255"]],
  ["net.ipv4.conf.all.rp_filter", ["1", "2"]],
  ["net.ipv4.ip_forward", ["0"]],
];

/** The bytes of a packet, with some of them other ones, some gone, some more. */
export function mutateBytes(choice: Choice, original: Uint8Array): Uint8Array {
  let bytes = Uint8Array.from(original);
  for (let changes = choice.between(1, 6); changes > 0; changes--) {
    if (bytes.length === 0) break;
    const at = choice.below(bytes.length);
    switch (choice.below(8)) {
      case 0:
        bytes = bytes.slice(0, at);
        break;
      case 1:
        bytes = Uint8Array.from([...bytes, ...choice.bytes(choice.between(1, 64))]);
        break;
      case 2:
        bytes = Uint8Array.from([...bytes.slice(0, at), ...choice.bytes(choice.between(1, 8)), ...bytes.slice(at)]);
        break;
      case 3:
        bytes[at] ^= 1 << choice.below(8);
        break;
      case 4:
        bytes[at] = choice.pick(EDGES);
        break;
      default:
        // Headers are where it matters.
        bytes[choice.below(Math.min(bytes.length, 60))] = choice.below(256);
    }
  }
  // Most broken packets would be thrown away for their checksum before anybody reads them.
  if (bytes.length >= 20 && !choice.oneIn(4)) repairChecksums(bytes);
  return bytes;
}

function mutateStep(choice: Choice, step: Step): Step[] {
  if (!isPacket(step) || choice.oneIn(3)) return [step];
  if (choice.oneIn(20)) return [{ in: step.in, hex: toHex(choice.bytes(choice.below(1500))) }];
  const mutated = { in: step.in, hex: toHex(mutateBytes(choice, fromHex(step.hex))) };
  if (choice.oneIn(200)) return [mutated, { sleep: `${choice.pick([1, 31, 125, 500_000])}s` }];
  return choice.oneIn(5) ? [step, mutated] : [mutated];
}

/** A scenario of one of the referee's kinds, its packets spoilt, the gateway's tunables tight. */
export function makePackets(seed: number, index: number): Scenario {
  const choice = new Choice(scenarioSeed(seed, "packets", index));
  const kind = choice.pick(KINDS);
  const made = kind.make(choice);
  const tight = Object.fromEntries(
    choice.times(choice.below(4), () => choice.pick(TIGHT)).map(([name, values]) => [name, choice.pick(values)]),
  );
  return {
    version: 1,
    name: `${kind.name}, spoilt (seed ${seed}, number ${index})`,
    ...made,
    sysctl: { ...made.sysctl, ...tight },
    steps: made.steps.flatMap((step) => mutateStep(choice, step)),
    finally: [...(made.finally ?? []), "conntrack -L -o extended", "cat /proc/net/nf_conntrack", "conntrack -S"],
  };
}

const JUNK = (
  "-A -D -I -R -L -S -F -N -X -P -E -Z -C -t -j -g -m -p -s -d -i -o -f -v -n -c ! -- --sport --dport --to-source " +
  "--to-destination --ctstate --icmp-type --limit --tcp-flags --set-mark 0 -1 1 65535 65536 4294967296 1:0 0:65535 " +
  "255.255.255.255/33 1.2.3.4-1.2.3.3 999.1.1.1 ::1 NEW ALL tcp 255 nat filter raw mangle INPUT nosuch ACCEPT SNAT é \\ ' \" %s"
).split(" ");

/** A line of words with some left out, repeated, exchanged, or replaced by others. */
export function mutateLine(choice: Choice, line: string): string {
  const words = line.split(" ");
  for (let changes = choice.between(1, 3); changes > 0; changes--) {
    const at = choice.below(words.length + 1);
    switch (choice.below(6)) {
      case 0:
        words.splice(at, 1);
        break;
      case 1:
        words.splice(at, 0, words[choice.below(words.length)] ?? "");
        break;
      case 2:
        words.splice(at, 1, choice.pick(JUNK));
        break;
      case 3:
        words.splice(at, 0, choice.pick(JUNK));
        break;
      case 4:
        words.splice(at, 1, (words[at] ?? "").slice(0, choice.below(8)));
        break;
      default:
        words.splice(at, 1, (words[at] ?? "") + String.fromCharCode(choice.between(1, 0x24f)));
    }
  }
  return words.join(" ");
}

/** What people load and type, from the referee's kinds: files for `iptables-restore`, and single lines. */
export function rulesOf(choice: Choice): readonly string[] {
  return choice.pick(KINDS).make(choice).setup ?? [];
}
