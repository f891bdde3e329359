/**
 * nfacct(8) and `-m nfacct` on both backends: every command, right and wrong, and what packets count on objects with
 * quotas.
 */
import { Lab } from "netfilter-lab";
import { afterEach, expect, test } from "vitest";

const labs: Lab[] = [];

afterEach(async () => {
  for (const lab of labs.splice(0)) await lab.close();
});

const CASES: readonly (readonly [name: string, lines: readonly string[]])[] = [
  ["help", ["nfacct", "nfacct help", "nfacct h x", "nfacct version", "nfacct --help", "nfacct nope"]],
  [
    "adding",
    [
      "nfacct add a",
      "nfacct add a",
      "nfacct add",
      "nfacct add ''",
      "nfacct ad b packet 5",
      "nfacct a c byte 0",
      "nfacct add d byte -1",
      "nfacct add e byte 99999999999999999999999",
      "nfacct add f byte 5x",
      "nfacct add g byte 0x10",
      "nfacct add h packet",
      "nfacct add i packet 5 6",
      "nfacct add j PACKET 4",
      "nfacct add k pack 4",
      "nfacct add l byte ''",
      "nfacct add m foo",
      "nfacct add 12345678901234567890123456789012345",
      "nfacct list",
      "nfacct list xml",
      "nfacct list json",
    ],
  ],
  [
    "looking",
    [
      "nfacct list json",
      "nfacct add a byte 7",
      "nfacct add b",
      "nfacct get",
      "nfacct get a",
      "nfacct get nope",
      "nfacct get a xml",
      "nfacct get b json reset",
      "nfacct get a reset j",
      "nfacct get a nope",
      "nfacct get ''",
      "nfacct li x",
      "nfacct ''",
      "nfacct list xml json",
      "nfacct list reset reset",
      "nfacct list json more",
      "nfacct list xmlx",
    ],
  ],
  [
    "taking away",
    [
      "nfacct add a",
      "nfacct add b",
      "iptables -A OUTPUT -m nfacct --nfacct-name b",
      "nfacct delete a",
      "nfacct delete a",
      "nfacct delete b",
      "nfacct delete",
      "nfacct delete a b",
      "nfacct add c",
      "nfacct flush x",
      "nfacct flush",
      "nfacct list",
      "iptables -D OUTPUT 1",
      "nfacct f",
      "nfacct list",
    ],
  ],
  [
    "restoring",
    [
      "printf '{ pkts = 00000000000000000005, bytes = 00000000000000000600 } = h;\\n{ pkts = 7, bytes = 9 } = i; more\\n' | nfacct restore",
      "printf '{ pkts = 7, bytes = 9, quota = 5, mode = byte, overquota = no } = q;\\n' | nfacct restore",
      "printf '# x\\n' | nfacct re",
      "printf '\\n' | nfacct restore",
      "printf '{ pkts = 7, bytes = 9 } = h;\\n' | nfacct restore x",
      "nfacct restore < /dev/null",
      "nfacct list",
    ],
  ],
  [
    "rules",
    [
      "iptables -A OUTPUT -m nfacct --nfacct-name nope",
      "iptables-legacy -A OUTPUT -m nfacct --nfacct-name nope",
      "iptables -A OUTPUT -m nfacct",
      "iptables -A OUTPUT -m nfacct --nfacct-name ''",
      "iptables -A OUTPUT -m nfacct ! --nfacct-name nope",
      "nfacct add a",
      "iptables-legacy -A OUTPUT -m nfacct --nfacct-name a -j DROP",
      "iptables-legacy -S; iptables-legacy -nL OUTPUT",
      "iptables-legacy -D OUTPUT -m nfacct --nfacct-name a -j DROP",
      "nfacct delete a",
    ],
  ],
  [
    "packets",
    [
      "ip link set lo up",
      "nfacct add plain",
      "nfacct add packets packet 2",
      "nfacct add bytes byte 168",
      "iptables -A OUTPUT -m nfacct --nfacct-name plain",
      "iptables -A OUTPUT -m nfacct --nfacct-name packets",
      "iptables -A OUTPUT -m nfacct --nfacct-name bytes",
      "iptables -A OUTPUT -m mark --mark 1 -m nfacct --nfacct-name plain",
      "iptables -A INPUT -m nfacct --nfacct-name plain",
      "ping -c 1 -q 127.0.0.1 > /dev/null",
      "nfacct list; iptables -nvxL",
      "ping -c 1 -q 127.0.0.1 > /dev/null",
      "nfacct list reset; iptables -nvxL",
      "nfacct list json",
      "ip6tables -A OUTPUT -m nfacct --nfacct-name plain",
      "nfacct get plain reset; nfacct get plain",
    ],
  ],
];

async function answers(backend: "engine" | "linux", lines: readonly string[]): Promise<unknown[]> {
  const lab = await Lab.create({ hosts: { host: { eth0: ["10.0.0.1/24"] } }, links: [], backend });
  labs.push(lab);
  const all: unknown[] = [];
  for (const line of lines) {
    const { stdout, stderr, status } = await lab.hosts.host.sh(line);
    // The flavours' warnings of one another concern the machine.
    all.push([line, stdout.replace(/"timestamp" : \d+/, '"timestamp" : NOW'), stderr, status]);
  }
  return all;
}

test.each(CASES)("nfacct: %s", async (_name, lines) => {
  expect(await answers("engine", lines)).toEqual(await answers("linux", lines));
});
