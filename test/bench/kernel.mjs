// @ts-nocheck: it runs the built packages, whose types are not those of the sources that the tests see.
/**
 * The running kernel's own rate, for comparison: two veth pairs around a namespace with the same rules, packets sent by
 * tcpreplay as fast as it can, counted where they arrive. Sender and router share the machine, so the rate is that of
 * both together. Needs root, iproute2, iptables and tcpreplay; namespaces are called ct-bench-*.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { performance } from "node:perf_hooks";
import { parseIPv4 } from "../../packages/engine/dist/index.js";
import { buildIPv4 } from "../../packages/engine/dist/wire/ipv4.js";
import { buildUdp } from "../../packages/engine/dist/wire/udp.js";

const PACKETS = 400_000;

/** Why the kernel cannot be measured here; null when it can. */
export function whyNoKernel() {
  if (process.getuid?.() !== 0) return "it needs root";
  for (const tool of ["ip", "iptables-legacy", "tcpreplay"])
    if (spawnSync("sh", ["-c", `command -v ${tool}`]).status !== 0) return `${tool} is missing`;
  return null;
}

function run(line) {
  const [program, ...args] = line.split(" ");
  return execFileSync(program, args, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
}

/** A capture file with one Ethernet frame. */
function capture(file, destination) {
  const src = parseIPv4("192.168.0.2");
  const dst = parseIPv4("198.51.200.9");
  const payload = buildUdp({ sport: 10_000, dport: 53, payload: new Uint8Array(18) }, src, dst);
  const packet = buildIPv4({ src, dst, protocol: 17, dontFragment: true, payload });
  const frame = Buffer.concat([
    Buffer.from(destination.replaceAll(":", ""), "hex"),
    Buffer.from("020000000001", "hex"),
    Buffer.from("0800", "hex"),
    packet,
  ]);
  const header = Buffer.alloc(40);
  header.writeUInt32LE(0xa1b2c3d4, 0);
  header.writeUInt16LE(2, 4);
  header.writeUInt16LE(4, 6);
  header.writeUInt32LE(65535, 16);
  header.writeUInt32LE(1, 20);
  header.writeUInt32LE(frame.length, 32);
  header.writeUInt32LE(frame.length, 36);
  writeFileSync(file, Buffer.concat([header, frame]));
}

function measureRules(rules, file) {
  const names = ["ct-bench-a", "ct-bench-gw", "ct-bench-b"];
  const [a, gw, b] = names;
  for (const name of names) run(`ip netns add ${name}`);
  try {
    run(`ip link add cta0 netns ${a} type veth peer name lan0 netns ${gw}`);
    run(`ip link add ctb0 netns ${b} type veth peer name wan0 netns ${gw}`);
    run(`ip -n ${gw} addr add 192.168.0.1/16 dev lan0`);
    run(`ip -n ${gw} addr add 198.51.100.1/16 dev wan0`);
    for (const [name, dev] of [
      [a, "cta0"],
      [b, "ctb0"],
      [gw, "lan0"],
      [gw, "wan0"],
    ])
      run(`ip -n ${name} link set ${dev} up`);
    const mac = (name, dev) => JSON.parse(run(`ip -n ${name} -j link show ${dev}`))[0].address;
    run(`ip -n ${gw} neigh add 198.51.200.9 lladdr ${mac(b, "ctb0")} dev wan0`);
    run(`ip netns exec ${gw} sysctl -qw net.ipv4.ip_forward=1 net.ipv4.conf.all.rp_filter=0`);
    for (const rule of rules) run(`ip netns exec ${gw} ${rule}`);
    capture(file, mac(gw, "lan0"));
    const received = () => JSON.parse(run(`ip -n ${b} -j -s link show ctb0`))[0].stats64.rx.packets;
    const send = (count) => run(`ip netns exec ${a} tcpreplay -q -t -K -l ${count} -i cta0 ${file}`);
    send(20_000);
    const before = received();
    const start = performance.now();
    send(PACKETS);
    return ((received() - before) * 1000) / (performance.now() - start);
  } finally {
    for (const name of names) run(`ip netns del ${name}`);
  }
}

/** Packets a second for each setup, the rules of one adding to those before. */
export function measureKernel(setups) {
  const folder = mkdtempSync(path.join(os.tmpdir(), "ct-bench-"));
  try {
    let rules = [];
    const rows = setups.map(({ name, rules: more }) => {
      rules = [...rules, ...more];
      return { setup: name, packetsPerSecond: Math.round(measureRules(rules, path.join(folder, "one.pcap"))) };
    });
    return { release: readFileSync("/proc/sys/kernel/osrelease", "utf8").trim(), rows };
  } finally {
    rmSync(folder, { recursive: true });
  }
}
