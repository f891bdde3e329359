/** How often a peer is told: allowances, the limit of all errors, and redirects to who does not obey. */
import { describe, expect, it } from "vitest";
import { VirtualClock } from "../clock.js";
import { addAddress, addRoute } from "../dev/topology.js";
import { TunDevice } from "../dev/tun.js";
import { NetNamespace } from "../netns.js";
import { SeededRandom } from "../random.js";
import { SysctlTable } from "../sysctl.js";
import { parseIPv4 } from "../wire/address.js";
import { buildIPv4 } from "../wire/ipv4.js";
import { GlobalLimit } from "./global-limit.js";
import { Peers } from "./peers.js";

/** How many messages go when so many are asked for after each pause. */
type Row = readonly [pauseMillis: number, asked: number, sent: number];

function counted(allows: () => boolean, clock: VirtualClock, rows: readonly Row[]): Row[] {
  return rows.map(([pause, asked]) => {
    clock.advance(pause * 1000);
    return [pause, asked, Array.from({ length: asked }, allows).filter(Boolean).length];
  });
}

describe("a peer's allowance", () => {
  it.each<[interval: number, rows: readonly Row[]]>([
    [
      250,
      [
        [0, 9, 6],
        [999, 2, 0],
        [1, 2, 1],
        [2000, 9, 2],
        [60_000, 9, 6],
      ],
    ],
    [
      25,
      [
        [0, 9, 6],
        [99, 2, 0],
        [1, 2, 1],
      ],
    ],
  ])("%i jiffies apart", (interval, rows) => {
    const clock = new VirtualClock();
    const peers = new Peers<number>(clock);
    expect(counted(() => peers.allows(1, interval), clock, rows)).toEqual(rows);
    expect(peers.allows(2, interval)).toBe(true);
  });
});

describe("all errors of a host", () => {
  it.each<[perSecond: number, burst: number, rows: readonly Row[]]>([
    [
      1000,
      50,
      [
        [0, 99, 50],
        [19, 9, 0],
        [5, 99, 24],
        [1000, 99, 50],
      ],
    ],
    [
      100,
      3,
      [
        [0, 9, 3],
        [20, 9, 2],
        [5000, 9, 3],
      ],
    ],
    [
      10,
      50,
      [
        [0, 99, 10],
        [60, 9, 0],
        [60, 9, 1],
      ],
    ],
    [
      0,
      50,
      [
        [0, 9, 0],
        [5000, 9, 0],
      ],
    ],
  ])("%i a second, %i at once", (perSecond, burst, rows) => {
    const clock = new VirtualClock();
    const limit = new GlobalLimit(clock);
    const sysctl = new SysctlTable();
    limit.registerSysctls(sysctl);
    sysctl.lookup("net.ipv4.icmp_msgs_per_sec")?.set?.(String(perSecond));
    sysctl.lookup("net.ipv4.icmp_msgs_burst")?.set?.(String(burst));
    const one = (): boolean => {
      const allowed = limit.allows();
      if (allowed) limit.consume();
      return allowed;
    };
    expect(counted(one, clock, rows)).toEqual(rows);
  });
});

it("a neighbour that does not obey hears nine redirects, each after twice the time, and says so in the log", () => {
  const clock = new VirtualClock();
  const net = new NetNamespace("router", clock, new SeededRandom(1));
  const lan = new TunDevice(net, "lan0");
  for (const name of ["ip_forward", "conf.all.log_martians"]) net.sysctl.lookup(`net.ipv4.${name}`)?.set?.("1");
  addAddress(lan, "192.168.1.1/24");
  net.ip.setUp(lan);
  addRoute(net, "203.0.113.0/24", "192.168.1.2");
  const at: number[] = [];
  const log: string[] = [];
  net.printk = (line) => log.push(line);
  lan.onTransmit = (packet) => {
    if (packet[9] === 1) at.push(clock.nowMicros / 1000);
  };
  const packet = { src: parseIPv4("192.168.1.10"), dst: parseIPv4("203.0.113.7"), protocol: 17 };
  for (let i = 0; i < 6000; i++) {
    lan.inject(buildIPv4({ ...packet, payload: new Uint8Array(16) }));
    clock.advance(4000);
  }
  const gaps = at.slice(1).map((millis, i) => millis - at[i]);
  expect(gaps).toEqual([1, 2, 3, 4, 5, 6, 7, 8].map((n) => (20 << n) + 4));
  expect(log).toEqual(["IPv4: host 192.168.1.10/if2 ignores redirects for 203.0.113.7 to 192.168.1.2"]);
});
