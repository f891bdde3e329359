/**
 * How a lab's hosts begin, on either backend: IPv6 is on where a host has an address of it, and then says nothing of
 * its own accord: no duplicate detection, no search for routers, no flow labels drawn at random.
 */
import type { HostTopology } from "./config.js";

/** Switches to set before a host has devices, in order. */
export function hostSysctls(ipv6: boolean): readonly (readonly [string, string])[] {
  const settings = ipv6
    ? ([
        ["accept_dad", "0"],
        ["accept_ra", "0"],
        ["router_solicitations", "0"],
        ["mldv2_unsolicited_report_interval", "1"],
      ] as const)
    : ([["disable_ipv6", "1"]] as const);
  const both = ["all", "default"].flatMap((which) =>
    settings.map(([file, value]) => [`net.ipv6.conf.${which}.${file}`, value] as const),
  );
  return ipv6 ? [...both, ["net.ipv6.auto_flowlabels", "0"]] : both;
}

/** Switches that make a host forward. */
export function forwardingSysctls({ forwarding, ipv6 }: HostTopology): readonly string[] {
  if (!forwarding) return [];
  return ["net.ipv4.ip_forward", ...(ipv6 ? ["net.ipv6.conf.all.forwarding"] : [])];
}
