/** The files of /proc that show a host's networking, beside the tunables below /proc/sys. */
import type { NetNamespace } from "@netfilter-lab/engine";
import { procExpectationLine } from "./commands/conntrack/expect.js";
import { procConntrackLine } from "./commands/conntrack/print.js";
import type { FileSystem } from "./files.js";

export function addProcFiles(files: FileSystem, net: NetNamespace): void {
  const { clock } = net;
  files.addSpecial("/proc/net/nf_conntrack", {
    read: () => {
      const nowNanos = BigInt(clock.epochMillis) * 1_000_000n + BigInt(Math.round(clock.nowMicros)) * 1000n;
      return net.ct
        .list()
        .map((entry) => `${procConntrackLine(entry, nowNanos)}\n`)
        .join("");
    },
  });
  files.addSpecial("/proc/net/nf_conntrack_expect", {
    read: () =>
      net.ct.helpers.expectations
        .list()
        .map((each) => `${procExpectationLine(each)}\n`)
        .join(""),
  });
  files.addSpecial("/proc/uptime", {
    read: () => `${(clock.nowMicros / 1_000_000).toFixed(2)} ${(clock.nowMicros / 1_000_000).toFixed(2)}\n`,
  });
}
