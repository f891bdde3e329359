/** The files of /proc that show a host's networking, beside the tunables below /proc/sys. */
import type { NetNamespace } from "@netfilter-lab/engine";
import type { FileSystem } from "./files.js";
import { everydayPart } from "./parts.js";

/** How connections are written. Who reads has waited for the part. */
function lines(): NonNullable<typeof everydayPart.content> {
  if (everydayPart.content === null) throw new Error("a file of a part was read before the part was there");
  return everydayPart.content;
}

export function addProcFiles(files: FileSystem, net: NetNamespace): void {
  const { clock } = net;
  files.addSpecial("/proc/net/nf_conntrack", {
    part: everydayPart,
    read: () => {
      const { procConntrackLine } = lines();
      const nowNanos = BigInt(clock.epochMillis) * 1_000_000n + BigInt(Math.round(clock.nowMicros)) * 1000n;
      return net.ct
        .list()
        .map((entry) => `${procConntrackLine(entry, nowNanos)}\n`)
        .join("");
    },
  });
  files.addSpecial("/proc/net/stat/nf_conntrack", { read: () => conntrackStatistics(net) });
  files.addSpecial("/proc/net/nf_conntrack_expect", {
    part: everydayPart,
    read: () =>
      net.ct.helpers.expectations
        .list()
        .map((each) => `${lines().procExpectationLine(each)}\n`)
        .join(""),
  });
  files.addSpecial("/proc/uptime", {
    read: () => `${(clock.nowMicros / 1_000_000).toFixed(2)} ${(clock.nowMicros / 1_000_000).toFixed(2)}\n`,
  });
}

const STATISTICS =
  "entries  clashres found new invalid ignore delete chainlength insert insert_failed drop early_drop icmp_error  " +
  "expect_new expect_create expect_delete search_restart\n";

/** Two lines: there is one processor, as `conntrack -S` says too. Models `ct_cpu_seq_show()`. */
function conntrackStatistics({ ct }: NetNamespace): string {
  const { stats, count } = ct;
  const { arrived, created, deleted } = ct.helpers.expectations.stats;
  const hex = (...numbers: readonly number[]): string =>
    numbers.map((number) => (number >>> 0).toString(16).padStart(8, "0")).join(" ");
  // What the kernel does not count any more is 0.
  const middle = hex(stats.clashResolve, stats.found, 0, stats.invalid, 0, 0, stats.chainTooLong, stats.insert);
  const end = hex(stats.insertFailed, stats.drop, stats.earlyDrop, stats.error);
  return `${STATISTICS}${hex(count)}  ${middle} ${end}  ${hex(arrived, created, deleted, stats.searchRestart)}\n`;
}
