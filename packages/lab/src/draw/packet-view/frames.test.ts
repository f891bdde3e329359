/** The frames of real walks: what the view says of each step, as data. */
import { beforeAll, describe, expect, it } from "vitest";
import { Lab } from "../../lab.js";
import { theQuestion } from "../../question.js";
import type { Walk } from "../../walk.js";
import { type Json, readWalkDocument } from "./document.js";
import { type Frame, type FramedPacket, framesOf, headersOf, isLandmark } from "./frames.js";
import { PacketViewDrawing, VIEW_LIMIT } from "./view.js";

/** The frames as the view gets them: through the document. */
function framed(walk: Walk): FramedPacket[] {
  const { view } = walk;
  if (!(view instanceof PacketViewDrawing)) throw new Error("a walk on the engine has a view");
  return framesOf(readWalkDocument(JSON.parse(JSON.stringify(view.document)) as Json));
}

/** One frame in a line. */
function line({ place, words, nfct, entry, rule, written, changed }: Frame): string {
  const counter = rule === null ? "" : ` [${rule.packets}:${rule.bytes}]`;
  return `${place} | ${words} | ${nfct?.ctinfo ?? "-"} | ${entry?.state ?? "-"} | ${written.size}/${changed.size}${counter}`;
}

const mainLines = ({ frames }: FramedPacket): string[] => frames.filter(({ main }) => main).map(line);

/** The question's connection with SNAT. */
async function question(): Promise<{ lab: Lab; walk: Walk }> {
  const lab = await Lab.create(theQuestion);
  const { client, gateway, server } = lab.hosts;
  await gateway.sh`iptables -t nat -A POSTROUTING -o eth1 -j SNAT --to-source 193.157.56.3`;
  server.start`nc -l -N -p 443 <<< "hello, client"`;
  const walk = await gateway.walk(() => client.sh`sleep 0.4 | nc -p 50798 217.254.1.76 443`);
  return { lab, walk };
}

describe("the question's connection", () => {
  let walk: Walk;
  let packets: FramedPacket[];
  beforeAll(async () => {
    ({ walk } = await question());
    packets = framed(walk);
  });

  it("tells the first packet's way", () => {
    expect(mainLines(packets[0])).toMatchInlineSnapshot(`
      [
        "receive | The packet is received. | - | - | 0/0",
        "PREROUTING | The packet comes to PREROUTING. | - | - | 0/0",
        "PREROUTING | PREROUTING calls defragmentation, at priority -400. | - | - | 0/0",
        "PREROUTING | PREROUTING calls conntrack, at priority -200. | - | - | 0/0",
        "PREROUTING | Looked up in the conntrack hash: tcp 192.168.2.55:50798 → 217.254.1.76:443. There is no such tuple. | - | - | 0/0",
        "PREROUTING | A new entry is made, number 1, with two tuples. It is not in the hash yet. | - | - | 0/0",
        "PREROUTING | Entry 1 is attached to the packet: skb->_nfct points to it, NEW. | NEW | NONE | 0/0",
        "PREROUTING | The connection’s state: NONE → SYN_SENT. | NEW | SYN_SENT | 0/0",
        "PREROUTING | PREROUTING calls nat (DNAT), at priority -100. The nat table is not asked. | NEW | SYN_SENT | 0/0",
        "PREROUTING | PREROUTING: ACCEPT. Everyone on the hook has let the packet pass. | NEW | SYN_SENT | 0/0",
        "routing | Routing decides where the packet goes. | NEW | SYN_SENT | 0/0",
        "routing | Route: forward via 193.157.56.1 dev eth1. | NEW | SYN_SENT | 0/0",
        "FORWARD | The packet is to be forwarded. | NEW | SYN_SENT | 0/0",
        "FORWARD | Written: Time to live 64 → 63, Checksum 0x3b6c (correct) → 0x3c6c (correct). | NEW | SYN_SENT | 2/2",
        "POSTROUTING | The packet is on its way out. | NEW | SYN_SENT | 0/2",
        "POSTROUTING | The packet comes to POSTROUTING. | NEW | SYN_SENT | 0/2",
        "POSTROUTING | POSTROUTING calls nat (SNAT), at priority 100. | NEW | SYN_SENT | 0/2",
        "POSTROUTING | Rule 1 of POSTROUTING in the nat table matches: -A POSTROUTING -o eth1 -j SNAT --to-source 193.157.56.3 | NEW | SYN_SENT | 0/2 [1:60]",
        "POSTROUTING | NAT alters the reply tuple of entry 1: dst 192.168.2.55 → 193.157.56.3. | NEW | SYN_SENT | 0/2 [1:60]",
        "POSTROUTING | NAT rewrites the packet’s source: src 192.168.2.55 → 193.157.56.3. | NEW | SYN_SENT | 8/9 [1:60]",
        "POSTROUTING | POSTROUTING calls conntrack (confirm), at priority INT_MAX. | NEW | SYN_SENT | 0/9",
        "POSTROUTING | Entry 1 is confirmed: both tuples go into the hash. | NEW | SYN_SENT | 0/9",
        "POSTROUTING | conntrack -E is told: NEW, entry 1. | NEW | SYN_SENT | 0/9",
        "POSTROUTING | POSTROUTING: ACCEPT. Everyone on the hook has let the packet pass. | NEW | SYN_SENT | 0/9",
        "transmit | The packet leaves by eth1. | NEW | SYN_SENT | 0/9",
      ]
    `);
  });

  it("tells the answer's way: found, attached, rewritten; POSTROUTING asks nobody", () => {
    expect(mainLines(packets[1])).toMatchInlineSnapshot(`
      [
        "receive | The packet is received. | - | - | 0/0",
        "PREROUTING | The packet comes to PREROUTING. | - | - | 0/0",
        "PREROUTING | PREROUTING calls defragmentation, at priority -400. | - | - | 0/0",
        "PREROUTING | PREROUTING calls conntrack, at priority -200. | - | - | 0/0",
        "PREROUTING | Looked up in the conntrack hash: tcp 217.254.1.76:443 → 193.157.56.3:50798. Found: it is the REPLY tuple of entry 1. | - | SYN_SENT | 0/0",
        "PREROUTING | Entry 1 is attached to the packet: skb->_nfct points to it, ESTABLISHED REPLY. | ESTABLISHED REPLY | SYN_SENT | 0/0",
        "PREROUTING | The connection’s state: SYN_SENT → SYN_RECV. | ESTABLISHED REPLY | SYN_RECV | 0/0",
        "PREROUTING | PREROUTING calls nat (DNAT), at priority -100. The nat table is not asked. | ESTABLISHED REPLY | SYN_RECV | 0/0",
        "PREROUTING | NAT rewrites the packet’s destination: dst 193.157.56.3 → 192.168.2.55. | ESTABLISHED REPLY | SYN_RECV | 8/8",
        "PREROUTING | PREROUTING: ACCEPT. Everyone on the hook has let the packet pass. | ESTABLISHED REPLY | SYN_RECV | 0/8",
        "routing | Routing decides where the packet goes. | ESTABLISHED REPLY | SYN_RECV | 0/8",
        "routing | Route: forward dev eth0. | ESTABLISHED REPLY | SYN_RECV | 0/8",
        "FORWARD | The packet is to be forwarded. | ESTABLISHED REPLY | SYN_RECV | 0/8",
        "FORWARD | Written: Time to live 64 → 63, Checksum 0x9c92 (correct) → 0x9d92 (correct). | ESTABLISHED REPLY | SYN_RECV | 2/9",
        "POSTROUTING | The packet is on its way out. | ESTABLISHED REPLY | SYN_RECV | 0/9",
        "POSTROUTING | The packet comes to POSTROUTING. | ESTABLISHED REPLY | SYN_RECV | 0/9",
        "POSTROUTING | POSTROUTING calls nat (SNAT), at priority 100. The nat table is not asked. | ESTABLISHED REPLY | SYN_RECV | 0/9",
        "POSTROUTING | POSTROUTING calls conntrack (confirm), at priority INT_MAX. | ESTABLISHED REPLY | SYN_RECV | 0/9",
        "POSTROUTING | conntrack -E is told: UPDATE, entry 1. | ESTABLISHED REPLY | SYN_RECV | 0/9",
        "POSTROUTING | POSTROUTING: ACCEPT. Everyone on the hook has let the packet pass. | ESTABLISHED REPLY | SYN_RECV | 0/9",
        "transmit | The packet leaves by eth0. | ESTABLISHED REPLY | SYN_RECV | 0/9",
      ]
    `);
  });

  it("ends each packet with the bytes that left", () => {
    const left = packets.map(({ frames }) => frames.at(-1)?.bytes);
    expect(left).toEqual(walk.packets.map(({ after }) => after));
  });

  it("has a frame for each call of the trace, under the kernel's names, with its callers", () => {
    for (const [i, { frames }] of packets.entries()) {
      const calls = walk.packets[i].steps
        .filter(({ kind }) => kind === "call")
        .map(({ fn, module, depth }) => ({ fn, module, depth }));
      const told = frames
        .filter(({ kind }) => kind === "call")
        .map(({ path }) => ({ ...path[path.length - 1], depth: path.length - 1 }));
      expect(told).toEqual(calls);
    }
  });

  it("knows both tuples of the entry from the attachment on, and NAT's change of the reply tuple", () => {
    const tuples = packets[0].frames.map(({ entry }) => entry?.reply.dst ?? null);
    expect([...new Set(tuples)]).toEqual([null, "192.168.2.55", "193.157.56.3"]);
    expect(packets[0].frames.at(-1)?.entry?.replyBefore?.dst).toBe("192.168.2.55");
    for (const { frames } of packets.slice(1)) {
      const { entry } = frames.at(-1) as Frame;
      expect([entry?.original.src, entry?.reply.dst, entry?.replyBefore, entry?.confirmed]).toEqual([
        "192.168.2.55",
        "193.157.56.3",
        null,
        true,
      ]);
    }
  });

  it("links fields and bytes: what NAT wrote is the address and both checksums", () => {
    const [packet] = packets;
    const rewrite = packet.frames.find((frame) => isLandmark(frame, "rewrite")) as Frame;
    const fields = headersOf(packet, rewrite).flatMap((layer) =>
      layer.fields
        .filter(({ written }) => written)
        .map(({ name, value, before, at, length }) => [name, before, value, at, length]),
    );
    expect(fields).toEqual([
      ["Checksum", "0x3b6c (correct)", "0x05ab (correct)", 10, 2],
      ["Source address", "192.168.2.55", "193.157.56.3", 12, 4],
      ["Checksum", "0xe214 (correct)", "0xab53 (correct)", 36, 2],
    ]);
    expect([...rewrite.written].sort((a, b) => a - b)).toEqual([10, 11, 12, 13, 14, 15, 36, 37]);
    const sent = packet.frames.at(-1) as Frame;
    const changed = headersOf(packet, sent).flatMap((layer) =>
      layer.fields.flatMap(({ name, before }) => (before === null ? [] : [name])),
    );
    expect(changed).toEqual(["Time to live", "Checksum", "Source address", "Checksum"]);
  });

  it("has one lookup a packet, always in PREROUTING", () => {
    const places = packets.map(({ frames }) =>
      frames.filter((frame) => isLandmark(frame, "lookup")).map(({ hook }) => hook),
    );
    expect(places).toEqual(packets.map(() => ["PREROUTING"]));
  });
});

it("shows where a packet is dropped, by which rule, and that nothing is attached to it then", async () => {
  const { lab } = await question();
  const { client, gateway } = lab.hosts;
  await gateway.sh`
    iptables -t raw -A PREROUTING -p icmp -s 192.168.2.99
    iptables -t raw -A PREROUTING -p icmp -j DROP`;
  const [packet] = framed(await gateway.walk(() => client.sh`ping -c 1 -W 1 217.254.1.76`));
  expect(mainLines(packet).slice(-5)).toMatchInlineSnapshot(`
    [
      "PREROUTING | PREROUTING calls defragmentation, at priority -400. | - | - | 0/0",
      "PREROUTING | PREROUTING calls raw, at priority -300. | - | - | 0/0",
      "PREROUTING | Rule 2 of PREROUTING in the raw table matches: -A PREROUTING -p icmp -j DROP | - | - | 0/0 [1:84]",
      "PREROUTING | PREROUTING: DROP, says raw. The packet goes no further here. | - | - | 0/0 [1:84]",
      "PREROUTING | The packet’s way ends here: dropped in PREROUTING. | - | - | 0/0",
    ]
  `);
  const rules = packet.frames.filter(({ kind }) => kind === "rule");
  expect(rules.map(({ main, rule }) => [main, rule?.matched, rule?.packets])).toEqual([
    [false, false, 0],
    [true, true, 1],
  ]);
  expect(packet.frames.at(-1)?.way).toEqual(["receive", "PREROUTING"]);
});

it("follows packets of the host itself, and an error that belongs to a connection without being looked up", async () => {
  const lab = await Lab.create(theQuestion);
  const { client, gateway } = lab.hosts;
  const out = framed(await gateway.walk(() => gateway.sh`ping -c 1 -W 1 192.168.2.55`));
  expect(out.map(({ frames }) => frames.at(-1)?.way)).toEqual([
    ["local", "OUTPUT", "POSTROUTING", "transmit"],
    ["receive", "PREROUTING", "routing", "INPUT", "local"],
  ]);
  await gateway.sh`iptables -A INPUT -m conntrack --ctstate INVALID -j DROP`;
  const refused = framed(await gateway.walk(() => client.sh`ping -c 1 -W 1 -t 1 217.254.1.76`));
  const error = refused.find(({ packet }) => packet.iif === null) as FramedPacket;
  expect(
    error.frames.filter(({ kind }) => kind === "lookup" || kind === "attach").map(({ words }) => words),
  ).toMatchInlineSnapshot(`
    [
      "Entry 1 hangs on the packet already (RELATED REPLY): nothing is looked up.",
    ]
  `);
});

it("keeps entries of two hosts apart", async () => {
  const lab = await Lab.create(theQuestion);
  const { client, gateway, server } = lab.hosts;
  for (const host of [gateway, server]) await host.sh`iptables -A INPUT -m conntrack --ctstate INVALID -j DROP`;
  await gateway.sh`iptables -t nat -A POSTROUTING -o eth1 -j MASQUERADE`;
  const packets = framed(await lab.walk(() => client.sh`ping -c 1 217.254.1.76`));
  const sources = packets
    .filter(({ packet }) => packet.host !== "client")
    .map(({ packet, frames }) => `${packet.host} ${frames.at(-1)?.entry?.original.src}`);
  expect(sources).toEqual([
    "gateway 192.168.2.55",
    "server 193.157.56.3",
    "server 193.157.56.3",
    "gateway 192.168.2.55",
  ]);
});

it("holds the first 40 passages and says how many are left out", async () => {
  const { lab } = await question();
  const { client, gateway } = lab.hosts;
  const walk = await gateway.walk(() => client.sh`ping -c 30 -i 0.2 217.254.1.76`);
  const { packets, omitted } = readWalkDocument((walk.view as PacketViewDrawing).document);
  expect([packets.length, omitted]).toEqual([VIEW_LIMIT, 20]);
});
