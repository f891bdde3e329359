import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { Lab, theQuestion } from "./index.js";

/** The question's three hosts, with its one rule. */
async function questionLab(): Promise<Lab<"client" | "gateway" | "server">> {
  const lab = await Lab.create(theQuestion);
  await lab.hosts.gateway.sh`iptables -t nat -A POSTROUTING -o eth1 -j SNAT --to-source 193.157.56.3`;
  return lab;
}

const recording = (name: string): string =>
  readFileSync(new URL(`../../../test/recordings/${name}`, import.meta.url), "utf8");

describe("the question's connection", () => {
  test("closed at once: the six lines that Linux prints", async () => {
    const lab = await questionLab();
    const { client, gateway, server } = lab.hosts;
    const events = gateway.start`conntrack -E`;
    const web = server.start`nc -l -p 443`;
    const sent = await client.sh`nc -N -p 50798 217.254.1.76 443 <<< hello`;
    expect(sent.status).toBe(0);
    expect(web.text).toBe("hello\n");
    const stopped = await events.stop();
    expect(stopped.text).toBe(recording("snat-connection.linux-6.18.conntrack-E.txt"));
  });

  test("closed after a while: the question's eight lines", async () => {
    const lab = await questionLab();
    const { client, gateway, server } = lab.hosts;
    const events = gateway.start`conntrack -E`;
    const web = server.start`nc -N -l -p 443`;
    await client.sh`(echo hello; sleep 0.4) | nc -p 50798 217.254.1.76 443`;
    // The kernel sweeps expired entries now and then, not at the instant.
    expect(web.done).toBe(true);
    await lab.sleep("5min");
    const stopped = await events.stop();
    // The recording was made with a TIME_WAIT of 2 seconds.
    const expected = recording("snat-connection-server-waits.linux-6.18.conntrack-E.txt").replace(
      "6 2 TIME_WAIT",
      "6 120 TIME_WAIT",
    );
    expect(stopped.text).toBe(expected);
  });
});
