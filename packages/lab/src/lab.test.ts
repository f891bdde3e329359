import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { EndlessCommandError, Lab } from "./index.js";

async function pair(): Promise<Lab<"a" | "b">> {
  return await Lab.create({
    hosts: { a: { eth0: "10.0.0.1/24" }, b: { eth0: "10.0.0.2/24" } },
    links: [["a.eth0", "b.eth0"]],
  });
}

describe("commands that keep running", () => {
  test.each([["nc -l -p 80"], ["ping 10.0.0.2"], ["conntrack -E"], ["tcpdump -n"], ["while true; do sleep 1; done"]])(
    "%s in sh is an error that says what to do",
    async (command) => {
      const { a } = (await pair()).hosts;
      const failure = await a.sh(command).then(
        () => null,
        (error: unknown) => error,
      );
      expect(failure).toBeInstanceOf(EndlessCommandError);
      expect((failure as Error).message).toContain("a.start`...`");
      expect((await a.sh`echo still there`).stdout).toBe("still there\n");
    },
  );

  test("stop is Ctrl-C, kill is SIGTERM", async () => {
    const { a } = (await pair()).hosts;
    const first = a.start`ping 10.0.0.2`;
    const second = a.start`ping 10.0.0.2`;
    expect((await first.stop()).text).toContain("ping statistics");
    expect((await second.kill()).text).not.toContain("ping statistics");
    expect([first.done, second.done]).toEqual([true, true]);
  });

  test("wait returns what was printed", async () => {
    const { a } = (await pair()).hosts;
    const running = a.start`sleep 1h; echo done`;
    expect(running.done).toBe(false);
    expect((await running.wait()).stdout).toBe("done\n");
  });
});

describe("time", () => {
  test("a long sleep is no hang, and costs nothing", async () => {
    const lab = await pair();
    await lab.hosts.a.sh`sleep 3h`;
    expect(Math.floor(lab.now)).toBe(10800);
    await lab.sleep("2min");
    expect(Math.floor(lab.now)).toBe(10920);
    await expect(lab.sleep("soon")).rejects.toThrow('"soon" is not a duration');
  });
});

describe("templates", () => {
  test("interpolated values are one word each", async () => {
    const { a } = (await pair()).hosts;
    const text = "it's $HOME; rm *";
    expect((await a.sh`echo ${text} ${["x y", 3]}`).stdout).toBe("it's $HOME; rm * x y 3\n");
  });

  test("backslashes are as typed", async () => {
    const { a } = (await pair()).hosts;
    expect((await a.sh`printf 'a\tb\n'; x=1; echo \${x}`).stdout).toBe("a\tb\n1\n");
  });
});

describe("results", () => {
  test("show what a terminal shows, and the status of a failure", async () => {
    const { a } = (await pair()).hosts;
    const result = await a.sh`echo out; nosuch; false`;
    const bundle = result[Symbol.for("Jupyter.display") as never] as unknown as () => Record<string, string>;
    expect(bundle.call(result)).toEqual({
      "text/plain": "out\nbash: nosuch: command not found\n[exit status 1]",
    });
    expect(String(await a.sh`hostname`)).toBe("a");
  });
});

describe("walks", () => {
  test("packets that crossed one host, in order", async () => {
    const lab = await pair();
    const walk = await lab.hosts.b.walk(() => lab.hosts.a.sh`ping -c 1 10.0.0.2`);
    expect(walk.packets.map((packet) => packet.way)).toEqual(["eth0 -> local", "local -> eth0"]);
    expect(walk.packets[0].from).toEqual({ host: "a", device: "eth0" });
    expect(walk.packets[1].to).toEqual({ host: "a", device: "eth0" });
    const nothing = await lab.hosts.b.walk(() => lab.hosts.a.sh`true`);
    expect(nothing.packets).toEqual([]);
  });
});

describe("captures", () => {
  test("are pcap files with Ethernet frames", async () => {
    const lab = await pair();
    const capture = lab.capture("a.eth0");
    await lab.hosts.a.sh`ping -c 1 10.0.0.2`;
    capture.stop();
    const { pcap } = capture;
    const view = new DataView(pcap.buffer);
    expect([view.getUint32(0, true).toString(16), view.getUint32(20, true)]).toEqual(["a1b2c3d4", 1]);
    expect(capture.count).toBe(2);
    expect(pcap.length).toBe(24 + 2 * (16 + 14 + 84));
    expect(view.getUint16(24 + 16 + 12)).toBe(0x0800);
    expect(() => lab.capture("a.eth7")).toThrow('a has no device "eth7"');
  });
});

test("the library imports nothing of Node, so that it runs in a browser", () => {
  const source = new URL(".", import.meta.url);
  // What only the command uses, and loads when it is asked for.
  const apart = ["cli/", "linux/", "scenario/linux/"];
  const files = readdirSync(source, { recursive: true, encoding: "utf8" }).filter(
    (file) => file.endsWith(".ts") && !file.endsWith(".test.ts") && !apart.some((folder) => file.startsWith(folder)),
  );
  expect(files.length).toBeGreaterThan(20);
  const textOf = (file: string): string => readFileSync(new URL(file, source), "utf8");
  expect(files.filter((file) => /from "node:/.test(textOf(file)))).toEqual([]);
  // The backend for real Linux is Node's: but for its error, it is loaded only when a lab asks for it.
  const linux = files.flatMap((file) => textOf(file).match(/(from|import\().*"\.\/linux\/.*"/g) ?? []);
  expect(linux).toEqual([
    'from "./linux/engine-only.js"',
    'import(/* webpackIgnore: true */ /* @vite-ignore */ "./linux/backend.js"',
  ]);
  expect(textOf("linux/engine-only.ts")).not.toContain("import ");
});
