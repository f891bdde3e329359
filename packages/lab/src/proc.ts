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
