/**
 * What labs do must not depend on when the program's parts come: each script, in a program that has them and in one
 * that has yet to load them.
 */
import { beforeEach, describe, expect, test, vi } from "vitest";
import type * as labModule from "./index.js";

// The first import of the whole program takes its time.
vi.setConfig({ testTimeout: 60_000 });

type LabModule = typeof labModule;
type ALab = Awaited<ReturnType<LabModule["Lab"]["create"]>>;

/** A program of its own, whose parts are there, or are loaded when they are asked for. */
async function program(deferred: boolean): Promise<LabModule> {
  vi.resetModules();
  if (deferred) {
    vi.doMock("./provide.js", () => import("./provide-deferred.js"));
    vi.doMock("../../engine/src/xtables/present.js", () => import("../../engine/src/xtables/none-present.js"));
  }
  try {
    return await import("./index.js");
  } finally {
    vi.doUnmock("./provide.js");
    vi.doUnmock("../../engine/src/xtables/present.js");
  }
}

async function outcome(deferred: boolean, act: (lab: ALab, module: LabModule) => Promise<unknown>): Promise<unknown> {
  const module = await program(deferred);
  const { everydayPart, rarePart } = await import("./parts.js");
  expect([everydayPart.isToCome, rarePart.isToCome]).toEqual([deferred, deferred]);
  const lab = await module.Lab.create(module.theQuestion);
  const result = await act(lab, module);
  return [result, lab.now];
}

const scripts = [
  "ping -c 2 217.254.1.76",
  "t=ta; echo a b | ${t}il -n 1 | tr a-z A-Z; echo $?",
  "nc -l 80 & echo first >/tmp/f; cat /tmp/f & sleep 1; cat /tmp/f | wc -l; kill %1",
  "for i in 1 2; do seq $i | sort -r & done; wait; echo end",
  'x=$(echo $(ip addr show eth0 | grep inet)); echo "$x"',
  "timeout 2 ping 217.254.1.76 | head -n 2; sudo date",
  "yes | head -n 3 | sed s/y/n/",
  'wc -c < /proc/net/nf_conntrack; while read line; do echo "$line"; done < /proc/net/nf_conntrack',
  "iptables -A INPUT -m recent --name x --set -j ACCEPT; iptables -S INPUT",
  "iptables -A INPUT -mrecent --rcheck; iptables -A INPUT -j TEEE; iptables -m nonsense; echo $?",
  "printf '*filter\\n-A INPUT -m time --timestart 10:00 -j ACCEPT\\n-A INPUT -p icmp -j LED\\nCOMMIT\\n' | iptables-restore; iptables-save | grep time",
  "ip link set lo up; ip rule; ip neigh; ip nonsense; ip -br link | cut -c1-20",
  "ip addr add 10.9.9.1/24 dev lo; ip addr del 10.9.9.1 dev lo; ip -br addr show dev lo; ip addr del x; echo $?",
  "ip route; ip route show via 192.168.2.1; ip route add 10.0.0.0/8 dev lo advmss 9; ip route flush dev lo; ip route get 10.0.0.1",
  "ipset create s hash:ip; ipset add s 10.0.0.1; ipset list s | grep 10.0.0.1 && iptables -A INPUT -m set --match-set s src -j DROP; iptables -S",
  "tcpdump -c 1 -n -i eth0 icmp & ping -c 1 217.254.1.76 >/dev/null; wait",
  "no-such-command; echo $?",
];

test.each([
  ["2001:db8:9::/48 via 2001:db8::2", "2001:db8:9::/48 via 2001:db8::2 dev eth0"],
  ["10.9.0.0/16 via 10.0.0.2 advmss 1000", "dev eth0 advmss 1000"],
  ["10.9.0.0/16 via 10.0.0.2 advmss 1000 nonsense", 'LabConfigError: hosts.a.routes[1]: Error: either "to"'],
  ["2001:db8:9::/48 via 2001:db8::2 tos 8", "LabConfigError: hosts.a.routes[1]: Error: Invalid dsfield (tos)"],
])("a lab that is made with the route %j", async (route, told) => {
  const made = async (deferred: boolean): Promise<unknown> => {
    const { Lab } = await program(deferred);
    const addresses = (end: number): string[] => [`10.0.0.${end}/24`, `2001:db8::${end}/64`];
    const making = Lab.create({
      hosts: { a: { eth0: addresses(1), routes: ["default via 10.0.0.2", route] }, b: { eth0: addresses(2) } },
      links: [["a.eth0", "b.eth0"]],
    });
    const begun = making.then(({ hosts }) => hosts.a.sh`ip route; ip -6 route`);
    return begun.then(
      ({ text }) => text,
      (error: unknown) => String(error),
    );
  };
  const text = await made(true);
  expect(text).toContain(told);
  expect(text).toEqual(await made(false));
});

describe("one script after the other", () => {
  test.each(scripts)("%s", async (script) => {
    const act = async (lab: ALab): Promise<unknown> => {
      const { stdout, stderr, text, status } = await lab.hosts["client"]!.sh(script);
      return { stdout, stderr, text, status };
    };
    expect(await outcome(true, act)).toEqual(await outcome(false, act));
  });
});

describe("several at once", () => {
  const cases: Readonly<Record<string, (lab: ALab, module: LabModule) => Promise<unknown>>> = {
    "commands that were begun and met a command that waits": async (lab) => {
      const { client, server } = lab.hosts as Record<string, ALab["hosts"][string]>;
      const capture = lab.capture("server.eth0");
      const dump = server!.start("tcpdump -n -t -i eth0 tcp");
      const listener = server!.start("nc -l 80");
      const sent = await client!.sh("echo hello | nc -N 217.254.1.76 80");
      await lab.sleep(1);
      capture.stop();
      return [sent.text, listener.text, (await dump.stop()).text, capture.count];
    },
    "commands that were begun together": async (lab) => {
      const { client, server } = lab.hosts as Record<string, ALab["hosts"][string]>;
      const results = await Promise.all([
        client!.sh("ping -c 1 217.254.1.76"),
        server!.sh("iptables -A INPUT -m statistic --mode nth --every 2 -j DROP"),
        client!.sh("ping -c 3 -i 0.2 217.254.1.76"),
      ]);
      return results.map(({ text }) => text);
    },
    "a command that is ended before it could begin": async (lab) => {
      const { client } = lab.hosts as Record<string, ALab["hosts"][string]>;
      const ping = client!.start("ping 217.254.1.76");
      const stopped = await ping.stop();
      return [stopped.text, stopped.status];
    },
    "walks, hooks and tables of connections": async (lab) => {
      const { client } = lab.hosts as Record<string, ALab["hosts"][string]>;
      const walk = await lab.walk(() => client!.sh("ping -c 1 217.254.1.76"));
      const hooks = await client!.hooks();
      const table = await client!.conntrack();
      return [walk, hooks, table].map((each) => JSON.stringify(each));
    },
    "an endless command": async (lab, { EndlessCommandError }) => {
      const error: unknown = await lab.hosts["client"]!.sh("nc -l 99").catch((thrown: unknown) => thrown);
      return [error instanceof EndlessCommandError, (error as Error).message];
    },
  };
  test.each(Object.keys(cases))("%s", async (name) => {
    expect(await outcome(true, cases[name]!)).toEqual(await outcome(false, cases[name]!));
  });
});

describe("a part that cannot be loaded", () => {
  beforeEach(() => vi.resetModules());

  test("fails the command that needs it, and is tried again", async () => {
    const { Lab, theQuestion } = await program(true);
    const { everydayPart } = await import("./parts.js");
    everydayPart.provide(() => Promise.reject(new Error("offline")));
    const lab = await Lab.create(theQuestion);
    const { client } = lab.hosts;
    await expect(client.sh("echo before; sysctl net.ipv4.ip_forward; ip addr")).rejects.toThrow("offline");
    expect((await client.sh("sysctl net.ipv4.ip_forward")).text).toBe("net.ipv4.ip_forward = 0\n");
    everydayPart.provide(() => import("./parts/everyday.js"));
    expect((await client.sh("echo there")).text).toBe("there\n");
  });
});
