// @ts-nocheck: it runs the built packages, whose types are not those of the sources that the tests see.
/**
 * How many packets a second the engine forwards with conntrack, a filter table and SNAT, and what an entry costs.
 * Prints a table and writes test/bench/result.json. `npm run bench` builds what it needs first; where it may (root,
 * tcpreplay) it measures the running kernel with the same rules and packets in the same run. See README.md.
 */
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import os from "node:os";
import {
  NetNamespace,
  parseCommand,
  parseIPv4,
  SeededRandom,
  SkBuff,
  TunDevice,
  VirtualClock,
} from "../../packages/engine/dist/index.js";
import { buildIPv4 } from "../../packages/engine/dist/wire/ipv4.js";
import { buildTcp } from "../../packages/engine/dist/wire/tcp.js";
import { buildUdp } from "../../packages/engine/dist/wire/udp.js";
import { applyCommand } from "../../packages/lab/dist/commands/iptables-apply.js";
import { toolOf } from "../../packages/lab/dist/commands/iptables-tool.js";
import { measureKernel, whyNoKernel } from "./kernel.mjs";

/** Seconds each measurement runs for, after half a second of warming up. */
const SECONDS = 1;
const FLOWS = [1, 1000, 50_000];
const TCP_ACK = 0x10;
const TCP_SYN = 0x02;

/** Each setup adds to the one before. */
const SETUPS = [
  { name: "forward", rules: [] },
  {
    name: "conntrack + filter",
    rules: [
      "iptables-legacy -A FORWARD -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT",
      "iptables-legacy -A FORWARD -i lan0 -o wan0 -m conntrack --ctstate NEW -j ACCEPT",
    ],
  },
  {
    name: "conntrack + filter + SNAT",
    rules: ["iptables-legacy -t nat -A POSTROUTING -o wan0 -j SNAT --to-source 198.51.100.1-198.51.100.100"],
  },
];

function makeRouter(rules) {
  const net = new NetNamespace("bench", new VirtualClock(), new SeededRandom(1));
  net.sysctl.lookup("net.ipv4.ip_forward").set("1");
  const device = (name, address) => {
    const dev = new TunDevice(net, name);
    net.ip.setUp(dev);
    net.ip.addAddress(dev, { local: parseIPv4(address), prefixLength: 16 });
    return dev;
  };
  const lan = device("lan0", "192.168.0.1");
  const wan = device("wan0", "198.51.100.1");
  for (const rule of rules) {
    const [program, ...args] = rule.split(" ");
    const tool = toolOf(net, "iptables", program);
    applyCommand(
      tool,
      parseCommand(args, { table: "filter", restore: false, flavour: tool.xt.flavour, program: tool.program }),
    );
  }
  return { net, lan, wan };
}

const SERVER = parseIPv4("198.51.200.9");

/** The client and port of a flow. */
function endOf(flow) {
  return { src: parseIPv4("192.168.0.2") + Math.floor(flow / 500), sport: 10_000 + (flow % 500) };
}

function udpPacket(flow) {
  const { src, sport } = endOf(flow);
  const payload = buildUdp({ sport, dport: 53, payload: new Uint8Array(18) }, src, SERVER);
  return buildIPv4({ src, dst: SERVER, protocol: 17, dontFragment: true, payload });
}

function tcpPacket(flow, flags) {
  const { src, sport } = endOf(flow);
  const payload = buildTcp(
    { sport, dport: 80, seq: flags & TCP_SYN ? 99 : 100, ack: flags & TCP_ACK ? 500 : 0, flags },
    src,
    SERVER,
  );
  return buildIPv4({ src, dst: SERVER, protocol: 6, dontFragment: true, payload });
}

/** The answer to a SYN, made from how it left. */
function synAck(sent) {
  const view = new DataView(sent.buffer, sent.byteOffset);
  const payload = buildTcp(
    { sport: 80, dport: view.getUint16(20), seq: 499, ack: 100, flags: TCP_SYN | TCP_ACK },
    SERVER,
    view.getUint32(12),
  );
  return buildIPv4({ src: SERVER, dst: view.getUint32(12), protocol: 6, dontFragment: true, payload });
}

/** Seconds of processor time this process (garbage collection included) has had. */
function processorSeconds() {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

/** Packets a second of processor time from lan0 to wan0, one packet of each flow in turn. */
function measure(router, packets) {
  const { lan, wan } = router;
  let left = 0;
  wan.onTransmit = () => {
    left++;
  };
  const skb = new SkBuff(new Uint8Array(packets[0].length));
  const length = packets[0].length;
  let next = 0;
  const batch = () => {
    for (let i = 0; i < 10_000; i++) {
      skb.data.set(packets[next]);
      skb.len = length;
      skb.scrub();
      skb.iif = null;
      lan.injectSkb(skb);
      if (++next === packets.length) next = 0;
    }
  };
  // Processor time, not the clock on the wall: other processes may share the core.
  const runFor = (seconds) => {
    let sent = 0;
    const start = processorSeconds();
    while (processorSeconds() - start < seconds) {
      batch();
      sent += 10_000;
    }
    return sent / (processorSeconds() - start);
  };
  runFor(0.5);
  left = 0;
  const rate = runFor(SECONDS);
  if (left === 0) throw new Error("nothing was forwarded");
  return rate;
}

/** The rows of one setup and protocol. */
function rowsOf(index, protocol) {
  const rules = SETUPS.slice(0, index + 1).flatMap((setup) => setup.rules);
  return FLOWS.map((flows) => {
    const router = makeRouter(rules);
    const packets = Array.from({ length: flows }, (_, flow) =>
      protocol === "udp" ? udpPacket(flow) : tcpPacket(flow, TCP_ACK),
    );
    if (protocol === "tcp")
      for (let flow = 0; flow < flows; flow++) {
        let sent = null;
        router.wan.onTransmit = (bytes) => {
          sent = bytes.slice();
        };
        router.lan.inject(tcpPacket(flow, TCP_SYN));
        router.wan.inject(synAck(sent));
      }
    return { setup: SETUPS[index].name, protocol, flows, packetsPerSecond: Math.round(measure(router, packets)) };
  });
}

/** All rows, each setup and protocol in a process of its own: what V8 learned of one would slow the next. */
function engineRows() {
  return SETUPS.flatMap((_, index) =>
    ["udp", "tcp"].flatMap((protocol) =>
      JSON.parse(execFileSync(process.execPath, [process.argv[1], `--row=${index},${protocol}`], { encoding: "utf8" })),
    ),
  );
}

/** New flows a second through SNAT, and the memory 50,000 of them take. */
function newFlows() {
  const rules = SETUPS.flatMap((setup) => setup.rules);
  const flows = 50_000;
  const packets = Array.from({ length: flows }, (_, flow) => udpPacket(flow));
  let best = 0;
  let bytes = 0;
  for (let round = 0; round < 4; round++) {
    const router = makeRouter(rules);
    router.wan.onTransmit = () => {};
    const start = processorSeconds();
    for (const packet of packets) router.lan.inject(packet.slice());
    best = Math.max(best, flows / (processorSeconds() - start));
    const { ct } = router.net;
    if (ct.count !== flows) throw new Error(`${ct.count} entries instead of ${flows}`);
    bytes = (ct.slab.byteLength + ct.table.heads.byteLength) / flows;
  }
  return { newFlowsPerSecond: Math.round(best), entryBytes: 256, heldBytesPerEntry: Math.round(bytes) };
}

const only = process.argv
  .find((argument) => argument.startsWith("--row="))
  ?.slice(6)
  .split(",");
if (only !== undefined) {
  console.log(JSON.stringify(rowsOf(Number(only[0]), only[1])));
  process.exit();
}
const rows = engineRows();
const fresh = newFlows();
const why = process.argv.includes("--no-kernel") ? "--no-kernel" : whyNoKernel();
if (why !== null && process.argv.includes("--kernel")) throw new Error(`the kernel cannot be measured: ${why}`);
const kernel = why === null ? measureKernel(SETUPS) : null;
const result = {
  form: process.argv.includes("--modules") ? "modules" : "bundled",
  machine: { cpu: os.cpus()[0].model, cores: os.cpus().length, node: process.version, load: os.loadavg()[0] },
  rows,
  ...fresh,
  kernel,
};
writeFileSync("test/bench/result.json", `${JSON.stringify(result, null, 2)}\n`);
const rate = (value) => `${(value / 1e6).toFixed(2)} Mpps`;
console.log(
  `${result.machine.cpu}, ${result.machine.cores} cores, Node ${result.machine.node}, load ${result.machine.load.toFixed(1)}; the engine ${result.form === "bundled" ? "bundled into one file" : "as modules"}\n`,
);
console.log(
  `${"setup".padEnd(28)}${"protocol".padEnd(10)}${FLOWS.map((flows) => `${flows} flows`.padStart(14)).join("")}`,
);
for (const setup of SETUPS)
  for (const protocol of ["udp", "tcp"]) {
    const cells = FLOWS.map((flows) =>
      rate(
        rows.find((row) => row.setup === setup.name && row.protocol === protocol && row.flows === flows)
          .packetsPerSecond,
      ),
    );
    console.log(`${setup.name.padEnd(28)}${protocol.padEnd(10)}${cells.map((cell) => cell.padStart(14)).join("")}`);
  }
console.log(`\nnew flows through SNAT: ${rate(fresh.newFlowsPerSecond)}`);
console.log(
  `memory: ${fresh.entryBytes} bytes an entry; ${fresh.heldBytesPerEntry} held for each of 50,000, hash table and room to grow included`,
);
if (kernel === null) console.log(`\nthe kernel was not measured: ${why}`);
else {
  console.log(
    `\nLinux ${kernel.release} on this machine, tcpreplay through veth pairs, one UDP flow; ratio: ours to the kernel's:`,
  );
  for (const row of kernel.rows) {
    const ours = rows.find((each) => each.setup === row.setup && each.protocol === "udp" && each.flows === 1);
    console.log(
      `${row.setup.padEnd(28)}${rate(row.packetsPerSecond).padStart(14)}   ratio ${(ours.packetsPerSecond / row.packetsPerSecond).toFixed(1)}`,
    );
  }
  if (result.machine.load > 1)
    console.log(
      "The machine was busy: the kernel's rate, by the clock on the wall, suffers from it and ours does not.",
    );
}
