// @ts-nocheck: it runs beside programs of the benchmark that are bundled.
/**
 * The running kernel's part: a network namespace with the engine's rules between two veth pairs, and sender.c, compiled on
 * the spot. What a packet costs is the sender's processor time (in which the kernel forwards it) and that of the core's
 * ksoftirqd; what of this is the sending alone is measured too, with frames that the namespace's first look drops. Needs
 * root, iproute2, iptables, conntrack-tools and a C compiler. The namespaces are called ct-bench-*.
 */
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const NAMES = ["ct-bench-a", "ct-bench-gw", "ct-bench-b"];
const [A, GATEWAY, B] = NAMES;
/** One setting for all namespaces, and the initial one's to write. */
const MAX = "/proc/sys/net/netfilter/nf_conntrack_max";
/** Chains of the machine's one hash table, and how many it is to have at least: what Linux takes with 4 GiB and more. */
const BUCKETS = "/proc/sys/net/netfilter/nf_conntrack_buckets";
const MANY = 262_144;
/** An address of nobody: a frame to it is dropped where IP begins. */
const NOBODY = "02:00:00:00:00:99";

/** Why the kernel cannot be measured here; null when it can. */
export function whyNoKernel() {
  if (process.getuid?.() !== 0) return "it needs root";
  for (const tool of ["ip", "iptables-legacy", "ipset", "conntrack", "cc"])
    if (spawnSync("sh", ["-c", `command -v ${tool}`]).status !== 0) return `${tool} is missing`;
  return null;
}

function run(line, input = "") {
  const [program, ...args] = line.split(" ");
  return execFileSync(program, args, { encoding: "utf8", input, stdio: ["pipe", "pipe", "pipe"] });
}

/** A program that answers each line with a line: {@link sender.c}, or the engine's counterpart. */
export class Bursts {
  #child;
  #answers;

  constructor(program, args) {
    this.#child = spawn(program, args, { stdio: ["pipe", "pipe", "inherit"] });
    this.#answers = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
  }

  /** Sends so many packets; gives packets a second. */
  async burst(count) {
    this.#child.stdin.write(`${count}\n`);
    const { value, done } = await this.#answers.next();
    if (done) throw new Error("the sender ended");
    const [sent, nanoseconds] = value.split(" ").map(Number);
    return (sent * 1e9) / nanoseconds;
  }

  async end() {
    const closed = new Promise((resolve) => this.#child.on("close", resolve));
    this.#child.stdin.end();
    await closed;
  }
}

/** The kernel as a router. */
export class KernelRouter {
  #folder = mkdtempSync(path.join(os.tmpdir(), "ct-bench-"));
  #max = readFileSync(MAX, "utf8");
  #buckets = this.buckets;
  #gatewayMac;
  release = readFileSync("/proc/sys/kernel/osrelease", "utf8").trim();

  /** How many chains the hash table has now: a run of the referee lowers it. */
  get buckets() {
    return Number(readFileSync(BUCKETS, "utf8"));
  }

  constructor() {
    run(`cc -O2 -o ${this.#folder}/sender ${fileURLToPath(new URL("sender.c", import.meta.url))}`);
  }

  /** Makes the namespaces anew for so many flows, with rules as router.mjs has them. */
  open(rules, flows) {
    this.close();
    // All namespaces' setting, so only as long as it is needed.
    if (flows > Number(this.#max)) writeFileSync(MAX, String(2 * flows));
    if (this.buckets < MANY) writeFileSync(BUCKETS, String(MANY));
    for (const name of NAMES) run(`ip netns add ${name}`);
    run(`ip link add cta0 netns ${A} type veth peer name lan0 netns ${GATEWAY}`);
    run(`ip link add ctb0 netns ${B} type veth peer name wan0 netns ${GATEWAY}`);
    run(`ip -n ${GATEWAY} addr add 192.168.0.1/16 dev lan0`);
    run(`ip -n ${GATEWAY} addr add 198.51.100.1/16 dev wan0`);
    const ends = [
      [A, "cta0"],
      [B, "ctb0"],
      [GATEWAY, "lan0"],
      [GATEWAY, "wan0"],
    ];
    for (const [name, dev] of ends) run(`ip -n ${name} link set ${dev} up`);
    const mac = (name, dev) => JSON.parse(run(`ip -n ${name} -j link show ${dev}`))[0].address;
    this.#gatewayMac = mac(GATEWAY, "lan0");
    run(`ip -n ${GATEWAY} neigh add 198.51.200.9 lladdr ${mac(B, "ctb0")} dev wan0`);
    run(`ip netns exec ${GATEWAY} sysctl -qw net.ipv4.ip_forward=1 net.ipv4.conf.all.rp_filter=0`);
    for (const rule of rules) {
      const [line, ...input] = rule.split("\n");
      run(`ip netns exec ${GATEWAY} ${line}`, input.join("\n"));
    }
  }

  /** A sender of so many flows; with `nobody` its frames are dropped at once. */
  sender({ flows, order = "turn", nobody = false }) {
    const to = nobody ? NOBODY : this.#gatewayMac;
    return new Bursts("ip", ["netns", "exec", A, `${this.#folder}/sender`, "cta0", to, String(flows), order]);
  }

  /** Packets that came out at the far end so far. */
  received() {
    return JSON.parse(run(`ip -n ${B} -j -s link show ctb0`))[0].stats64.rx.packets;
  }

  /** Ends every connection. */
  flush() {
    spawnSync("ip", ["netns", "exec", GATEWAY, "conntrack", "-F"]);
  }

  close() {
    const there = run("ip netns list");
    for (const name of NAMES) if (there.includes(name)) run(`ip netns del ${name}`);
    writeFileSync(MAX, this.#max);
  }

  /** Takes everything away. */
  end() {
    this.close();
    writeFileSync(BUCKETS, String(this.#buckets));
    rmSync(this.#folder, { recursive: true });
  }
}
