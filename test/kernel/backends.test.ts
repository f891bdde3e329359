/** What a lab is, on whatever it runs: one suite for both backends; then what only real Linux has to keep. */
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { IPS_ASSURED, IPS_SEEN_REPLY } from "@netfilter-lab/engine";
import { Lab, theQuestion } from "netfilter-lab";
import { afterEach, describe, expect, test } from "vitest";
import { NAMESPACE_PREFIX, sweep } from "../../packages/lab/src/linux/namespaces.js";
import { whatIsMissing } from "../../packages/lab/src/linux/requirements.js";
import { underRules } from "../../packages/notebook/src/runner/rules.js";

const backends = ["engine", "linux"] as const;
const labs: Lab[] = [];

type QuestionLab = Lab<"client" | "gateway" | "server">;

async function question(backend: (typeof backends)[number]): Promise<QuestionLab> {
  const lab = await Lab.create({ ...theQuestion, backend });
  labs.push(lab);
  return lab;
}

/** Two networks of IPv6 with a router between them. */
async function overIPv6(backend: (typeof backends)[number]): Promise<QuestionLab> {
  const lab = await Lab.create({
    backend,
    hosts: {
      client: { eth0: "2001:db8:1::2/64", routes: ["default via 2001:db8:1::1"] },
      gateway: { eth0: "2001:db8:1::1/64", eth1: "2001:db8:2::1/64", forwarding: true },
      server: { eth0: "2001:db8:2::2/64", routes: ["default via 2001:db8:2::1"] },
    },
    links: [
      ["client.eth0", "gateway.eth0"],
      ["gateway.eth1", "server.eth0"],
    ],
  });
  labs.push(lab);
  return lab;
}

/** A host, its router and a better one on one switch, and a network behind the latter. */
async function redirecting(
  backend: (typeof backends)[number],
): Promise<Lab<"host" | "router" | "better" | "far" | "switch">> {
  const lab = await Lab.create({
    backend,
    hosts: {
      host: {
        eth0: ["10.0.0.10/24", "2001:db8::10/64"],
        routes: ["default via 10.0.0.1", "default via fe80::1 dev eth0"],
      },
      router: {
        eth0: ["10.0.0.1/24", "2001:db8::1/64", "fe80::1/64"],
        forwarding: true,
        routes: ["10.9.0.0/24 via 10.0.0.2", "2001:db8:9::/64 via fe80::2 dev eth0"],
      },
      better: {
        eth0: ["10.0.0.2/24", "2001:db8::2/64", "fe80::2/64"],
        eth1: ["10.9.0.1/24", "2001:db8:9::1/64"],
        forwarding: true,
      },
      far: { eth0: ["10.9.0.9/24", "2001:db8:9::9/64"], routes: ["default via 10.9.0.1", "default via 2001:db8:9::1"] },
      switch: { p1: [], p2: [], p3: [] },
    },
    links: [
      ["host.eth0", "switch.p1"],
      ["router.eth0", "switch.p2"],
      ["better.eth0", "switch.p3"],
      ["better.eth1", "far.eth0"],
    ],
  });
  labs.push(lab);
  await lab.hosts.switch
    .sh`ip link add br0 type bridge; ip link set br0 up; for p in p1 p2 p3; do ip link set $p master br0; ip link set $p up; done`;
  return lab;
}

afterEach(async () => {
  for (const lab of labs.splice(0)) await lab.close();
});

/** The namespaces that a process's labs have. */
function namespacesOf(pid: number | undefined): string[] {
  return readdirSync("/run/netns").filter((name) => name.startsWith(`${NAMESPACE_PREFIX}${pid}-`));
}

/** A process's line in /proc; empty when there is none. */
function statOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/stat`, "latin1");
  } catch {
    return "";
  }
}

describe.each(backends)("a lab on %s", (backend) => {
  test("runs commands: streams in their order, status, quoting, the host's name", async () => {
    const { gateway } = (await question(backend)).hosts;
    const result = await gateway.sh`hostname; echo one; echo two >&2; echo three; echo ${"it's $HOME; *"}; exit 3`;
    expect(result.text).toBe("gateway\none\ntwo\nthree\nit's $HOME; *\n");
    expect([result.stdout, result.stderr, result.status]).toEqual(["gateway\none\nthree\nit's $HOME; *\n", "two\n", 3]);
  });

  test("start, stop, kill, wait", async () => {
    const { client } = (await question(backend)).hosts;
    const ping = client.start`ping 192.168.2.1`;
    const other = client.start`ping 192.168.2.1`;
    expect([ping.done, other.done]).toEqual([false, false]);
    expect((await ping.stop()).text).toContain("ping statistics");
    expect((await other.kill()).text).not.toContain("ping statistics");
    expect(ping.done).toBe(true);
    expect((await client.start`sleep 0.2; echo done`.wait()).text).toBe("done\n");
  });

  test("a redirect is obeyed once its gateway is known, in IPv6 at once", async () => {
    const { host, router } = (await redirecting(backend)).hosts;
    const lines = async (script: string): Promise<string[]> =>
      (await host.sh(script)).stdout.split("\n").filter((line) => /^(From|64|2001|10|  )/.test(line));
    const short = "| sed 's/ time=.*//; s/expires [0-9]*sec/expires N/'";
    expect(await lines(`ping -c 3 -i 0.4 10.9.0.9 ${short}; ip route get 10.9.0.9 ${short}`)).toEqual([
      "From 10.0.0.1: icmp_seq=1 Redirect Host(New nexthop: 10.0.0.2)",
      "64 bytes from 10.9.0.9: icmp_seq=1 ttl=63",
      "From 10.0.0.1: icmp_seq=2 Redirect Host(New nexthop: 10.0.0.2)",
      "64 bytes from 10.9.0.9: icmp_seq=2 ttl=63",
      "64 bytes from 10.9.0.9: icmp_seq=3 ttl=63",
      "10.9.0.9 via 10.0.0.2 dev eth0 src 10.0.0.10 uid 0 ",
      "    cache <redirected> expires N ",
    ]);
    expect((await router.sh`ip route get 10.9.0.9 from 10.0.0.10 iif eth0`).stdout).toContain(
      "cache <redirect> iif eth0",
    );
    expect(await lines(`ping -c 2 -i 0.4 2001:db8:9::9 ${short}; ip -6 route get 2001:db8:9::9`)).toEqual([
      "64 bytes from 2001:db8:9::9: icmp_seq=1 ttl=63",
      "64 bytes from 2001:db8:9::9: icmp_seq=2 ttl=63",
      "2001:db8:9::9 from :: via fe80::2 dev eth0 src 2001:db8::10 metric 1024 pref medium",
    ]);
  });

  test("a host passes over a router of IPv6 that does not answer, and asks it again", async () => {
    const lab = await Lab.create({
      backend,
      hosts: {
        host: {
          eth0: ["2001:db8::10/64"],
          routes: ["default via fe80::1 dev eth0 metric 10", "default via fe80::2 dev eth0 metric 20"],
        },
        router: { eth0: ["2001:db8::2/64", "fe80::2/64", "2001:db8:9::9/128"], forwarding: true },
      },
      links: [["host.eth0", "router.eth0"]],
    });
    labs.push(lab);
    const { host } = lab.hosts;
    const way = async (): Promise<string | undefined> =>
      /via (\S+)/.exec((await host.sh`ip -6 route get 2001:db8:9::9`).stdout)?.[1];
    expect(await way()).toBe("fe80::1");
    expect((await host.sh`ping -c 1 -W 1 2001:db8:9::9`).status).toBe(1);
    await host.sh`sleep 3`;
    expect([await way(), (await host.sh`ping -c 1 -W 1 2001:db8:9::9`).status]).toEqual(["fe80::2", 0]);
    await host.sh`sysctl -w net.ipv6.conf.all.forwarding=1`;
    expect(await way()).toBe("fe80::1");
    await host.sh`sysctl -w net.ipv6.conf.all.forwarding=0; ip -6 route del default via fe80::2`;
    expect(await way()).toBe("fe80::1");
  });

  test("exit statuses of what a signal ended: those who catch it have their own", async () => {
    const { gateway } = (await question(backend)).hosts;
    const scripts: [script: string, kill: number, stop: number][] = [
      ["tcpdump -n -i eth0", 0, 0],
      ["conntrack -E", 0, 0],
      ["ping 192.168.2.55", 143, 0],
      ["ping 192.168.2.77", 143, 1],
      ["nc -l -p 80", 143, 130],
      ["sleep 100", 143, 130],
      ["sleep 100; echo after", 143, 130],
      ["timeout 100 tcpdump -n -i eth0", 0, 0],
      ["timeout 100 sleep 50", 143, 130],
      ["tcpdump -n -i eth0 2>/dev/null", 143, 0],
      ["while true; do sleep 1; done", 143, 130],
    ];
    for (const [script, kill, stop] of scripts) {
      const killed = gateway.start(script);
      const stopped = gateway.start(script.replace("-p 80", "-p 81"));
      await gateway.sh`sleep 0.1`;
      expect([script, (await killed.kill()).status, (await stopped.stop()).status]).toEqual([script, kill, stop]);
    }
    const capture = gateway.start`tcpdump -n -i eth0`;
    expect((await capture.stop()).stdout).toBe("\n");
  });

  test("a server listens and a capture catches as soon as the next command runs", async () => {
    const lab = await question(backend);
    const { client, gateway } = lab.hosts;
    const server = gateway.start`nc -l -p 80`;
    const seen = gateway.start`tcpdump -n -t -q -c 1 -i eth0 tcp`;
    const capture = lab.capture("client.eth0");
    expect((await client.sh`nc -N -p 40000 192.168.2.1 80 <<< hello`).status).toBe(0);
    expect(server.stdout).toBe("hello\n");
    expect(seen.stdout).toBe("IP 192.168.2.55.40000 > 192.168.2.1.80: tcp 0\n");
    capture.stop();
    expect(capture.count).toBeGreaterThan(5);
    expect(new DataView(capture.pcap.buffer).getUint32(20, true)).toBe(1);
    expect(() => lab.capture("client.eth7")).toThrow('client has no device "eth7"');
  });

  test("a command that cannot end is an error that shows what it printed, and the lab goes on", async () => {
    const { gateway, server } = (await question(backend)).hosts;
    server.start`nc -l -p 80`;
    await expect(gateway.sh`echo begun; nc -l -p 80`).rejects.toThrow(
      /^gateway: `echo begun; nc -l -p 80` waits for something that cannot come\..*\nIt had printed:\nbegun\n$/s,
    );
    // The lab is not taken for stuck while something is to come.
    server.start`sleep 17; nc -N 193.157.56.3 81 <<< late`;
    expect((await gateway.sh`nc -l -p 81`).text).toBe("late\n");
  });

  test("lab.sleep lets time pass, and things happen meanwhile", async () => {
    const lab = await question(backend);
    const running = lab.hosts.client.start`sleep 0.5; echo up`;
    const before = lab.now;
    await lab.sleep("1s");
    expect(lab.now - before).toBeGreaterThan(0.99);
    expect(running.text).toBe("up\n");
    await expect(lab.sleep("soon")).rejects.toThrow('"soon" is not a duration');
  });

  test("send: bytes of one's own, and the kernel's refusals", async () => {
    const { client, gateway } = (await question(backend)).hosts;
    const packet = (dst: number[]): Uint8Array =>
      new Uint8Array([0x45, 0, 0, 24, 0, 1, 0, 0, 64, 253, 0, 0, 192, 168, 2, 55, ...dst, 0xde, 0xad, 0xbe, 0xef]);
    const walk = await gateway.walk(() => client.send(packet([217, 254, 1, 76])));
    expect(walk.packets[0].way).toBe("eth0 -> eth1");
    expect([...walk.packets[0].before.subarray(20)]).toEqual([0xde, 0xad, 0xbe, 0xef]);
    await expect(client.send(new Uint8Array([0x45]))).rejects.toThrow("Invalid argument");
  });

  test("IPv6: packets of one's own go as they are written, walks tell of them, and the kernel refuses", async () => {
    const { client, gateway } = (await overIPv6(backend)).hosts;
    await gateway.sh`ip6tables -t nat -A POSTROUTING -o eth1 -j MASQUERADE`;
    // A hop limit of its own, a destination options header, a protocol that nobody knows.
    const packet = Uint8Array.from(
      [
        "60000000000c3c09 20010db8000100000000000000000002 20010db8000200000000000000000002",
        "fd00010400000000 deadbeef",
      ]
        .join("")
        .replaceAll(" ", "")
        .match(/../g)
        ?.map((byte) => Number.parseInt(byte, 16)) ?? [],
    );
    const walk = await gateway.walk(() => client.send(packet));
    // What the server answers to an unknown protocol comes back.
    expect(walk.packets.map(({ way }) => way)).toEqual(["eth0 -> eth1", "eth1 -> eth0"]);
    expect([...walk.packets[0].before]).toEqual([...packet]);
    expect(walk.packets[0].after?.[7]).toBe(8);
    expect([...(walk.packets[0].after?.subarray(40) ?? [])]).toEqual([...packet.subarray(40)]);
    expect(walk.packets[1].brief).toContain("unknown next header");
    const echoes = await gateway.walk(() => client.sh`ping -c 1 2001:db8:2::2`);
    expect(echoes.packets.map(({ serial, way, brief }) => [serial, way, brief])).toEqual([
      [1, "eth0 -> eth1", expect.stringContaining("echo request")],
      [2, "eth1 -> eth0", expect.stringContaining("echo reply")],
    ]);
    const own = await gateway.walk(() => client.sh`ping -c 1 2001:db8:1::1`);
    expect(own.packets.map(({ way }) => way)).toEqual(["eth0 -> local", "local -> eth0"]);
    await expect(client.send(packet.subarray(0, 39))).rejects.toThrow("Invalid argument");
    await expect(client.send(new Uint8Array([...packet, ...new Uint8Array(1500)]))).rejects.toThrow("Message too long");
    await client.sh`ip6tables -A OUTPUT -j DROP`;
    await expect(client.send(packet)).rejects.toThrow("Operation not permitted");
    await client.sh`ip -6 route flush default`;
    await expect(client.send(packet)).rejects.toThrow("Network is unreachable");
  });

  test("refuses a configuration by its field, before anything is made", async () => {
    const create = (config: unknown): Promise<unknown> => Lab.create(config as never);
    const host = { eth0: "10.0.0.1/24" };
    await expect(create({ backend, hosts: { a: { eth0: "10.0.0.1" } } })).rejects.toThrow("hosts.a.eth0: ");
    await expect(create({ backend, hosts: { a: { ...host, sysctl: { "net.no.such": 1 } } } })).rejects.toThrow(
      'hosts.a.sysctl["net.no.such"]: sysctl: cannot stat /proc/sys/net/no/such: No such file or directory',
    );
    await expect(create({ backend: "bsd", hosts: { a: host } })).rejects.toThrow('backend: "bsd" is not');
  });
});

test("the question's flow: the same walk, events, table and answers on both", async () => {
  const [saved, now] = await Promise.all(
    backends.map(async (backend) => {
      const lab = await question(backend);
      const { client, gateway, server } = lab.hosts;
      await gateway.sh`iptables -t nat -A POSTROUTING -o eth1 -j SNAT --to-source 193.157.56.3`;
      const events = gateway.start`conntrack -E -p tcp`;
      const outside = gateway.start`tcpdump -n -t -i eth1 tcp`;
      server.start`nc -l -N -p 443 <<< "hello, client"`;
      const walk = await gateway.walk(() => client.sh`sleep 0.4 | nc -p 50798 217.254.1.76 443`);
      const table = await gateway.conntrack();
      const text = [
        walk.sequence.text,
        walk.packets.map((packet) => `${packet.serial} ${packet.way} ${packet.brief}`).join("\n"),
        walk.events.map(({ host, event }) => `${host} ${event.type} ${event.entry.tcpState}`).join("\n"),
        events.text,
        outside.stdout,
        table.entries
          .map(({ tuple, status, tcpState }) =>
            JSON.stringify([tuple, status & (IPS_SEEN_REPLY | IPS_ASSURED), tcpState]),
          )
          .join("\n"),
        (await gateway.sh`conntrack -L; iptables-save -c -t nat; ip route; ip -br addr`).text.replace(/^#.*$/gm, "#"),
      ].join("\n\n");
      return { text, seconds: lab.now };
    }),
  );
  // A busy machine takes longer than the engine, and entries are as much older.
  const slack = 1 + Math.ceil(now.seconds - saved.seconds);
  const [left, right] = underRules(saved.text, now.text, { named: new Set(["50798", "443"]) }, slack);
  expect(left).toContain("TIME_WAIT");
  expect(right).toBe(left);
});

test("hooks, matching rules and policies that packets met: the same steps on both", async () => {
  const [left, right] = await Promise.all(
    backends.map(async (backend) => {
      const { client, gateway } = (await question(backend)).hosts;
      await gateway.sh`
        iptables -N LOOK
        iptables -A LOOK -m comment --comment "x y"
        iptables -A LOOK -p icmp -m icmp --icmp-type 8 -j RETURN
        iptables -A FORWARD -p udp -j DROP
        iptables -A FORWARD -p icmp -j LOOK
        iptables -A INPUT -p tcp -j REJECT
        iptables -P INPUT DROP
        iptables -t mangle -A PREROUTING -p icmp -j MARK --set-mark 7
        iptables -t raw -A OUTPUT -p icmp
        iptables -t nat -A POSTROUTING -o eth1 -j MASQUERADE`;
      const walk = await gateway.walk(async () => {
        await client.sh`ping -c 1 217.254.1.76; ping -c 1 -W 1 192.168.2.1; nc -z -w 1 192.168.2.1 80`;
        await client.sh`nc -u -w 1 217.254.1.76 53 <<< hello`;
        await gateway.sh`ping -c 1 217.254.1.76`;
      });
      return walk.packets.map((packet) => [
        packet.way,
        ...packet.steps
          .filter(({ kind, note }) => kind === "hook" || kind === "policy" || (note?.kind === "rule" && note.matched))
          .map(({ hook, priority, label, fn, module, note, text }) => {
            const counters = note?.kind === "rule" ? `${note.packets}:${note.bytes}` : "";
            return [hook, priority, label, fn, module, text, counters].join(" ");
          }),
      ]);
    }),
  );
  expect(right).toEqual(left);
  expect(JSON.stringify(right)).toContain(
    "filter LOOK rule 2 matches: -A LOOK -p icmp -m icmp --icmp-type 8 -j RETURN",
  );
  // What a walk needs is gone after it.
  const { gateway } = (await question("linux")).hosts;
  await gateway.walk(() => gateway.sh`true`);
  expect((await gateway.sh`nft list ruleset`).text).toBe("");
});

describe("only on real Linux", () => {
  test("what the kernel does not show is an error that names it", async () => {
    const { client, gateway } = (await question("linux")).hosts;
    const walk = await gateway.walk(() => client.sh`ping -c 1 192.168.2.1`);
    expect(walk.packets.map((packet) => packet.way)).toEqual(["eth0 -> local", "local -> eth0"]);
    expect(() => walk.packets[0].lookups).toThrow("walk.packets[].lookups: ");
    expect(() => walk.states.text).toThrow("walk.states: ");
    const hooks = await gateway.hooks();
    expect(() => hooks.entries).toThrow("gateway.hooks(): ");
  });

  test("delay and loss are refused by name", async () => {
    const [first, second] = theQuestion.links as readonly (readonly [string, string])[];
    const create = (option: object): Promise<unknown> =>
      Lab.create({ ...theQuestion, backend: "linux", links: [first, { ends: second, ...option }] });
    await expect(create({ latency: "1ms" })).rejects.toThrow("links[1].latency: needs netem");
    await expect(create({ loss: 0.1 })).rejects.toThrow("links[1].loss: needs netem");
    expect(namespacesOf(process.pid)).toEqual([]);
  });

  test("close ends every command and leaves no namespace", async () => {
    const lab = await question("linux");
    lab.hosts.server.start`sleep 1000 | timeout 2000 nc -l -p 80`;
    await lab.hosts.client.sh`true`;
    const [name] = namespacesOf(process.pid).filter((each) => each.endsWith("-server"));
    const pids = execFileSync("ip", ["netns", "pids", name], { encoding: "utf8" }).trim().split("\n");
    expect(pids.length).toBeGreaterThan(2);
    await lab.close();
    expect(namespacesOf(process.pid)).toEqual([]);
    const living = (): string[] => pids.filter((pid) => /^\d+ \(.*\) [^ZX]/.test(statOf(pid)));
    await expect.poll(living).toEqual([]);
  });

  test.each(["SIGKILL", "SIGINT"] as const)("a program ended by %s leaves nothing", async (signal) => {
    const library = fileURLToPath(new URL("../../packages/lab/dist/index.js", import.meta.url));
    const program = `
      import { Lab, theQuestion } from ${JSON.stringify(library)};
      const lab = await Lab.create({ ...theQuestion, backend: "linux" });
      lab.hosts.server.start\`sleep 1000\`;
      await lab.hosts.server.sh\`true\`;
      console.log("ready");
      await lab.sleep("1000s");`;
    const child = spawn(process.execPath, ["--input-type=module", "-e", program], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    await once(child.stdout, "data");
    expect(namespacesOf(child.pid).length).toBe(4);
    child.kill(signal);
    await once(child, "exit");
    // The guard is at work, or the next lab's sweep does it.
    await sweep();
    await expect.poll(() => namespacesOf(child.pid), { timeout: 10_000 }).toEqual([]);
  });

  test("the machine's own part is said exactly: who is not root, and which tools are not there", () => {
    const library = fileURLToPath(new URL("../../packages/lab/dist/index.js", import.meta.url));
    const program = (before: string): string => `
      import { Lab, theQuestion } from ${JSON.stringify(library)};
      ${before}
      try {
        const lab = await Lab.create({ ...theQuestion, backend: "linux" });
        console.log((await lab.hosts.server.sh\`hostname\`).text);
        await lab.close();
      } catch (error) {
        console.log(error.name + ": " + error.message);
      }`;
    const node = (before: string, env: NodeJS.ProcessEnv, ...wrapper: string[]): string => {
      const [command, ...args] = [...wrapper, process.execPath, "--input-type=module", "-e", program(before)];
      return execFileSync(command, args, { encoding: "utf8", env }).trim();
    };
    // Where the tools are does not depend on the caller's PATH.
    expect(node("", { PATH: "/nonexistent" })).toBe("server");
    expect(node("process.seteuid(65534);", process.env)).toBe(
      'LinuxUnavailableError: backend "linux" needs root (this process has no right to make network namespaces)',
    );
    // In a mount namespace of its own, where the administrator's folders are empty.
    const bare = ["unshare", "--mount", "sh", "-c", 'mount -t tmpfs none /usr/sbin && exec "$@"', "sh"];
    expect(node("", process.env, ...bare)).toBe(
      'LinuxUnavailableError: backend "linux" needs the tools iptables, iptables-legacy, xtables-monitor, nft, ' +
        "conntrack, sysctl (Debian: apt install iptables nftables conntrack procps)",
    );
  });

  test("namespaces of a maker that no longer lives are swept", async () => {
    // Process 1 lives, but did not start at tick 1: another process of the same number made this.
    const stale = `${NAMESPACE_PREFIX}1-1-1-host`;
    execFileSync("ip", ["netns", "add", stale]);
    await sweep();
    expect(readdirSync("/run/netns")).not.toContain(stale);
  });

  test.each([
    ["everything", { platform: "linux", uid: 0, has: () => true }, null],
    ["no Linux", { platform: "darwin", uid: 0, has: () => true }, 'backend "linux" needs Linux; this is darwin'],
    [
      "no root",
      { platform: "linux", uid: 1000, has: () => true },
      'backend "linux" needs root (this process has no right to make network namespaces)',
    ],
    [
      "no root and no tools",
      { platform: "linux", uid: 1000, has: (tool: string) => !tool.startsWith("iptables") && tool !== "nc" },
      'backend "linux" needs root (this process has no right to make network namespaces) and the tools ' +
        "iptables, iptables-legacy, nc (Debian: apt install iptables netcat-openbsd)",
    ],
  ])("what is missing is one message: %s", (_title, machine, message) => {
    expect(whatIsMissing(machine)).toBe(message);
  });
});
