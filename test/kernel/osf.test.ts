/**
 * `-m osf` and nfnl_osf on both backends: lines of fingerprints, what the tool says of them, and which SYNs have them.
 * Linux has one list of fingerprints for the whole machine: genres here have names of their own, and are taken away.
 */
import { Lab, type LabConfig } from "netfilter-lab";
import { afterEach, describe, expect, test } from "vitest";
import { ACK, FIN, type IpFields, SYN, type TcpFields, tcp } from "../referee/packets.js";

const labs: Lab[] = [];

const config: LabConfig<"client" | "server"> = {
  hosts: { client: { eth0: ["10.0.0.2/24"] }, server: { eth0: ["10.0.0.1/24"] } },
  links: [["client.eth0", "server.eth0"]],
};

async function create(backend: "engine" | "linux"): Promise<Lab<"client" | "server">> {
  const lab = await Lab.create({ ...config, backend });
  labs.push(lab);
  return lab;
}

const options = (...bytes: number[]): Uint8Array => Uint8Array.from(bytes);
const MSS = [2, 4, 5, 180];
const SACK = [4, 2];
const TIMESTAMPS = [8, 10, 0, 0, 0, 1, 0, 0, 0, 0];
const SCALE = [3, 3, 7];
const LINUX = options(...MSS, ...SACK, ...TIMESTAMPS, 1, ...SCALE);
const FOUR = options(...MSS);

/** Fingerprints, by the genre that one of them is tested with. */
const FINGERPRINTS: readonly string[] = [
  "S4:64:1:60:M*,S,T,N,W7:osfLinux:2.6::Linux 2.6 and later",
  "S4:64:1:60:M*,S,T,N,W*:osfTwin:x:y:the same",
  "*:64:1:44:M1460:osfAny:::any window",
  "5840:64:1:44:M1460:osfPlain:::a window",
  "S4:64:1:44:M*:osfMss:::four times the MSS",
  "T4:64:1:44:M*:osfMtu:::four times the MTU",
  "%16:64:1:44:M*:osfModulo:::a multiple",
  "S1073741824:64:1:44:M*:osfHuge:::wraps",
  "*:64:0:44:M*:osfNoDf:::may be fragmented",
  "*:64:7:44:M*:osfDf:::",
  "*:128:1:44:M*:osfTtl:::another TTL",
  "*:64:1:40:.:osfNone:::no options",
  "*:64:1:44:N,N,N,N:osfNops:::",
  "*:64:1:44:?12,M,Q:osfSkipped:::options without a letter",
  "*:64:1:44:E,E,E,E:osfEnd:::",
  "*:64:1:44: M* :\t @osfBlank: v : s:blanks",
  "*:64:1:60:T,S,M*,N,W7:osfOrder:::another order",
];

/** Lines of which many are wrong. */
const LINES: readonly string[] = [
  ...FINGERPRINTS,
  "# a comment",
  " # none",
  "",
  "nonsense",
  "S4:64:1:60:M*:osfX:y:z",
  "S4:64:1:60:M*:osfX:y:z:a:b",
  "%0:64:1:60:M*:osfX:y:z:",
  "Q4:300:9:70000:Z*:osfX:y:z:",
  "S-4:-1:x:99999999999999999999:M-5:osfX:y:z:",
  "*:64:1:60:N,N,N,N,N,N,N,N,N,N,N,N,N,N,N,N,N,N,N,N,N,N,N,N,N,N,N,N,N,N,N,N,N,N,N,N,N,N,N,N,N:osfX:y:z:",
  `*:64:1:60:M*:osf${"X".repeat(40)}:y:z:`,
  `*:64:1:60:M*:osf${"Y".repeat(1100)}:y:z:`,
];

/** The text without the time and the process. */
const undated = (text: string): string => text.replaceAll(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+ \d+ /gm, "");

const file = (lines: readonly string[], end = "\n"): string => `cat > osf << 'END'\n${lines.join("\n")}${end}END\n`;

/** What each of some commands prints, and its status. */
const script = (lines: readonly string[], ...commands: readonly string[]): string =>
  `${file(lines)}${commands.map((command) => `${command}; echo "${command}: $?"`).join("\n")}`;

const SCRIPTS: readonly (readonly [string, string])[] = [
  ["lines good and bad", script(LINES, "nfnl_osf -f osf", "nfnl_osf -f osf", "nfnl_osf -d -f osf", "nfnl_osf -df osf")],
  ["good lines", script(FINGERPRINTS, "nfnl_osf -f osf", "nfnl_osf -f osf -d", "nfnl_osf -f osf -d")],
  [
    "an error, and then a wrong line",
    script(["%0:64:1:60:M*:osfX:y:z:", "nonsense"], "nfnl_osf -f osf", "nfnl_osf -df osf"),
  ],
  ["a wrong line, and then one that is not there", script(["x:y", FINGERPRINTS[0]], "nfnl_osf -d -f osf")],
  ["one that is not there, and then a wrong line", script([FINGERPRINTS[0], "x:y"], "nfnl_osf -d -f osf")],
  ["nothing", script([], "nfnl_osf -f osf", "nfnl_osf", "nfnl_osf osf", "nfnl_osf -d", "nfnl_osf -f /dev/null")],
  [
    "options",
    script([], "nfnl_osf -h", "nfnl_osf -f", "nfnl_osf -x", "nfnl_osf --help", "nfnl_osf -f nope -d", "nfnl_osf -f ''"),
  ],
  ["no end of the line", `printf '${FINGERPRINTS[2]}x' > osf\nnfnl_osf -f osf; nfnl_osf -d -f osf; echo $?`],
];

afterEach(async () => {
  for (const lab of labs.splice(0)) await lab.close();
});

describe("nfnl_osf", () => {
  test.each(SCRIPTS)("%s", async (_name, text) => {
    const said: string[] = [];
    for (const backend of ["engine", "linux"] as const) {
      const lab = await create(backend);
      said.push(undated((await lab.hosts.server.sh(text)).text));
    }
    expect(said[0]).toEqual(said[1]);
  });
});

type Syn = readonly [name: string, ip: Partial<IpFields>, fields: Partial<TcpFields>];

const SYNS: readonly Syn[] = [
  ["Linux", {}, { window: 5840, options: LINUX }],
  ["Linux, the MSS clamped", {}, { window: 5840, options: options(2, 4, 5, 100, ...LINUX.subarray(4)) }],
  ["Linux by a modem's MSS", {}, { window: 4 * 1448, options: options(2, 4, 5, 100, ...LINUX.subarray(4)) }],
  ["another window", {}, { window: 5841, options: LINUX }],
  ["a SYN/ACK", {}, { flags: SYN | ACK, window: 5840, options: LINUX }],
  ["a SYN and FIN", {}, { flags: SYN | FIN, window: 5840, options: LINUX }],
  ["an ACK", {}, { flags: ACK, window: 5840, options: LINUX }],
  [
    "two options the other way round",
    {},
    { window: 5840, options: options(...TIMESTAMPS, ...SACK, ...MSS, 1, ...SCALE) },
  ],
  ["window 5840", {}, { window: 5840, options: FOUR }],
  ["window 5792", {}, { window: 5792, options: FOUR }],
  ["window 6000", {}, { window: 6000, options: FOUR }],
  ["window 5952", {}, { window: 5952, options: FOUR }],
  ["window 16", {}, { window: 16, options: FOUR }],
  ["window 0", {}, { window: 0, options: FOUR }],
  ["window 1", {}, { window: 1, options: FOUR }],
  ["TTL 63", { ttl: 63 }, { window: 5840, options: FOUR }],
  ["TTL 65", { ttl: 65 }, { window: 5840, options: FOUR }],
  ["TTL 128", { ttl: 128 }, { window: 5840, options: FOUR }],
  ["may be fragmented", { df: false }, { window: 5840, options: FOUR }],
  ["no options", {}, { window: 5840 }],
  ["no-operations", {}, { window: 5840, options: options(1, 1, 1, 1) }],
  ["ends of options", {}, { window: 5840, options: options(0, 0, 0, 0) }],
  ["data", {}, { window: 5840, options: FOUR, payload: options(1, 2, 3) }],
  ["a length that is another's", {}, { window: 5840, payload: options(1, 2, 3, 4) }],
  ["IP options", { options: options(1, 1, 1, 1) }, { window: 5840 }],
  ["an MSS of another length", {}, { window: 5840, options: options(2, 3, 5, 0) }],
];

/** Of every fingerprint's genre, and each way to compare; `--log` last, since it finds every genre. */
const RULES: readonly string[] = [
  ...FINGERPRINTS.map((line) => `--genre ${/osf\w+/.exec(line)?.[0]}`),
  "! --genre osfLinux",
  "--genre osfUnknown",
  "--genre osfTtl --ttl 0",
  "--genre osfTtl --ttl 1",
  "--genre osfTtl --ttl 2",
  "--genre osfLinux --log 0",
  "--genre osfUnknown --log 1",
  "! --genre osfLinux --log 2 --ttl 2",
];

async function ask(backend: "engine" | "linux", tool: string, send: readonly Syn[]): Promise<string[]> {
  const { client, server } = (await create(backend)).hosts;
  await server.sh(`${file(FINGERPRINTS)}nfnl_osf -f osf > /dev/null`);
  for (const rule of RULES) await server.sh(`${tool} -t mangle -A PREROUTING -p tcp -m osf ${rule}`);
  const told: string[] = [];
  for (const [name, ip, fields] of send) {
    await client.send(
      tcp({ src: "10.0.0.2", dst: "10.0.0.1", ...ip }, { sport: 1024, dport: 80, flags: SYN, ...fields }),
    );
    const saved = await server.sh(`${tool}-save -t mangle -c; ${tool} -t mangle -Z`);
    const matched = saved.text.split("\n").filter((line) => /^\[[1-9]\d*:\d+\] -A/.test(line));
    told.push(name, ...matched);
  }
  const listed = await server.sh(`${tool} -t mangle -L PREROUTING`);
  await server.sh("nfnl_osf -d -f osf > /dev/null");
  return [...told, listed.text];
}

describe("-m osf", () => {
  test.each(["iptables-legacy", "iptables-nft"])("which packets have which fingerprint, %s", async (tool) => {
    const engine = await ask("engine", tool, SYNS);
    expect(engine).toEqual(await ask("linux", tool, SYNS));
    // The rules tell packets apart.
    expect(new Set(engine.map((line) => /osf\w+/.exec(line)?.[0])).size).toBeGreaterThan(FINGERPRINTS.length);
  });
});
