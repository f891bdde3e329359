import { beforeAll, describe, expect, it } from "vitest";
import { recordedPackets } from "../../test/drawings.js";
import { JUPYTER_DISPLAY, Lab, theQuestion, type Walk, type WalkPacket } from "../index.js";

/** The question's connection, run on the engine with the recording's tables and a listener for events. */
describe("the question's connection beside the kernel's recording", () => {
  let walk: Walk;
  let packets: readonly WalkPacket[];
  let lab: Lab<"client" | "gateway" | "server">;

  beforeAll(async () => {
    lab = await Lab.create(theQuestion);
    const { client, gateway, server } = lab.hosts;
    await gateway.sh`iptables-legacy -A FORWARD
      iptables-legacy -t mangle -A POSTROUTING
      iptables-legacy -t nat -A POSTROUTING -o eth1 -j SNAT --to-source 193.157.56.3`;
    gateway.start("conntrack -E");
    server.start("nc -l -p 443");
    walk = await lab.walk(() => client.sh`nc -N -p 50798 217.254.1.76 443 <<< hello`);
    packets = walk.packets.filter(({ host }) => host === "gateway");
  });

  it("makes the same calls for each of the eight packets", () => {
    const recorded = recordedPackets();
    expect(packets).toHaveLength(recorded.length);
    // The difference, if there is one, is the comparison's own text.
    expect(
      packets
        .map((packet, i) => packet.compareWith(recorded[i]))
        .filter(({ equal }) => !equal)
        .map(String),
    ).toEqual([]);
  });

  it("shows each packet on each of its two links once, and the states it moved the connection to", () => {
    expect(walk.sequence.text.split("\n").filter((line) => line.includes(" → "))).toHaveLength(2 * packets.length);
    expect([...walk.states.text.matchAll(/→ {2}([A-Z_]+)/g)].map(([, state]) => state)).toEqual([
      "SYN_SENT",
      "SYN_RECV",
      "ESTABLISHED",
      "FIN_WAIT",
      "LAST_ACK",
      "TIME_WAIT",
    ]);
  });

  it("draws every value a lesson ends a cell with", async () => {
    const { gateway } = lab.hosts;
    for (const value of [walk, packets[0], packets[1].tuples, await gateway.hooks(), await gateway.conntrack()]) {
      const bundle = value[JUPYTER_DISPLAY]();
      expect(bundle["text/plain"]).not.toBe("");
      expect(bundle["image/svg+xml"] ?? bundle["text/html"]).toMatch(/^<(svg|div|netfilter-packet-view)[ >]/);
      expect(bundle["text/vnd.mermaid"]).not.toBe("");
    }
    const [entry] = (await gateway.conntrack()).entries;
    expect(entry.tcpState).toBe("TIME_WAIT");
    expect((await gateway.hooks()).at("FORWARD").map(({ label }) => label)).toEqual(["mangle", "filter"]);
  });
});
