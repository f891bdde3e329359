/**
 * Labels by their names: iptables and conntrack with a file /etc/xtables/connlabel.conf and without, on the engine and
 * on the machine's tools, which see a copy of /etc that has the file.
 */
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Lab } from "netfilter-lab";
import { expect, test } from "vitest";
import { LABEL_FILE } from "../../packages/engine/test/label-file.js";

const LABELS = [
  "zero web two last over indented 6 seven hex 8 0x8 10 5 127 128 nope 1 3 65536 octal plus minus greatest beyond again",
  "under_score a-b",
]
  .join(" ")
  .split(" ");

const TOOLS = ["iptables-legacy", "iptables-nft", "ip6tables-legacy"].flatMap((tool) => [
  ...LABELS.map((label) => `${tool} -A INPUT -m connlabel --label ${label}`),
  `${tool} -A INPUT -m connlabel --label 'two words'`,
  `${tool} -A INPUT -m connlabel --label ''`,
  `${tool} -A INPUT -m connlabel ! --label web --set`,
  `${tool} -S`,
  `${tool} -nL INPUT`,
  `${tool} -L INPUT`,
  `${tool} -C INPUT -m connlabel --label 1`,
  `${tool} -D INPUT -m connlabel --label web`,
  `${tool} -C INPUT -m connlabel --label 1`,
  `${tool} -D INPUT -m connlabel --label 127`,
  `${tool} -F`,
  `${tool} -X`,
]);

const ENTRIES = [
  "iptables-legacy -A OUTPUT -m connlabel --label 1 --set",
  "iptables-legacy -A OUTPUT -m connlabel --label 4 --set",
  "iptables-legacy -A OUTPUT -m connlabel --label 12 --set",
  "ping -c 1 -q 127.0.0.1 > /dev/null",
  "conntrack -L -o labels | sed 's/^icmp *1 [0-9]*/icmp/; s/id=[0-9]*//g'",
  "conntrack -L -l web | wc -l",
  "conntrack -L -l web,a-b | wc -l",
  "conntrack -L -l zero | wc -l",
  "conntrack -L -l nope",
  "conntrack -L -l 1",
  "conntrack -L -l ''",
];

/** Each command's output and status, one document a line. */
const script = (lines: readonly string[]): string =>
  [
    "ip link set lo up",
    ...lines.map((line) => `echo '$' "${line.replaceAll(/["$\\]/g, "\\$&")}"; ${line}; echo $?`),
  ].join("\n");

/**
 * Warnings about the other flavour's tables concern the machine; that the file is missing the lab's iptables does not
 * say.
 */
const normalised = (text: string): string => text.replace(/^(# Warning: |Warning: cannot open ).*\n/gm, "");

async function ours(lines: readonly string[], file: string | null): Promise<string> {
  const lab = await Lab.create({ hosts: { host: { eth0: ["10.0.0.1/24"] } }, links: [] });
  const { host } = lab.hosts;
  if (file !== null) await host.sh(`cat > /etc/xtables/connlabel.conf << 'END'\n${file}\nEND`);
  const { text } = await host.sh(script(lines));
  await lab.close();
  return normalised(text);
}

function real(lines: readonly string[], file: string | null): string {
  const folder = mkdtempSync(join(tmpdir(), "connlabel-"));
  const namespace = `connlabel-${process.pid}`;
  try {
    cpSync("/etc", folder, { recursive: true, verbatimSymlinks: true, filter: (path) => !path.includes("/ssl") });
    rmSync(join(folder, "xtables"), { recursive: true, force: true });
    mkdirSync(join(folder, "xtables"));
    if (file !== null) writeFileSync(join(folder, "xtables/connlabel.conf"), `${file}\n`);
    const run = [`mount --bind ${folder} /etc`, script(lines)].join("\n");
    const words = ["netns", "exec", namespace, "unshare", "-m", "bash", "-c", `exec 2>&1 < /dev/null\n${run}`];
    spawnSync("ip", ["netns", "add", namespace]);
    const { stdout } = spawnSync("ip", words, { encoding: "utf8" });
    return normalised(stdout);
  } finally {
    spawnSync("ip", ["netns", "del", namespace]);
    rmSync(folder, { recursive: true, force: true });
  }
}

test.each([
  ["rules, with the file", TOOLS, LABEL_FILE],
  ["rules, without it", TOOLS, null],
  ["entries, with the file", ENTRIES, LABEL_FILE],
  ["entries, without it", ENTRIES, null],
] as const)("%s", async (_name, lines, file) => {
  expect(await ours(lines, file)).toEqual(real(lines, file));
});
