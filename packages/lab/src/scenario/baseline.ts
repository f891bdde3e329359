/**
 * The tunables that both backends set before a scenario's own: what the host would otherwise hand down to a new
 * namespace, and limits that count real time, which a packet a few microseconds after another would run into.
 */
export const BASELINE_SYSCTLS: Readonly<Record<string, string>> = {
  // A new namespace takes its device switches from the first one: say the kernel's own.
  "net.ipv4.conf.all.rp_filter": "0",
  "net.ipv4.conf.default.rp_filter": "0",
  "net.ipv4.conf.all.accept_local": "0",
  "net.ipv4.conf.default.accept_local": "0",
  "net.ipv4.conf.all.accept_source_route": "0",
  "net.ipv4.conf.default.accept_source_route": "1",
  "net.ipv4.conf.all.route_localnet": "0",
  "net.ipv4.conf.default.route_localnet": "0",
  "net.ipv4.conf.all.log_martians": "0",
  "net.ipv4.conf.default.log_martians": "0",
  "net.ipv4.conf.all.src_valid_mark": "0",
  "net.ipv4.conf.default.src_valid_mark": "0",
  "net.ipv4.conf.all.promote_secondaries": "0",
  "net.ipv4.conf.default.promote_secondaries": "0",
  "net.ipv4.ip_forward": "0",
  // Linux paces ICMP redirects by the time that has passed.
  "net.ipv4.conf.all.send_redirects": "0",
  "net.ipv4.conf.default.send_redirects": "0",
  "net.ipv4.conf.all.accept_redirects": "1",
  "net.ipv4.conf.default.accept_redirects": "1",
  "net.ipv4.conf.all.shared_media": "1",
  "net.ipv4.conf.default.shared_media": "1",
  "net.ipv4.conf.all.secure_redirects": "1",
  "net.ipv4.conf.default.secure_redirects": "1",
  // No ICMP error is held back.
  "net.ipv4.icmp_ratelimit": "0",
  "net.ipv4.icmp_ratemask": "0",
};

/**
 * What is set besides for a scenario whose devices have IPv6 addresses. In others IPv6 is off: the host would send
 * neighbour and router solicitations and listener reports of its own accord. Here it has no occasion to: no link-local
 * addresses, no duplicates looked for, no routers asked, and its devices are in no groups (multicast is off on them).
 */
export const IPV6_SYSCTLS: Readonly<Record<string, string>> = {
  "net.ipv6.conf.all.disable_ipv6": "0",
  "net.ipv6.conf.default.disable_ipv6": "0",
  // Not of all: the loopback would get its addresses twice, and a route that no other host has.
  "net.ipv6.conf.default.addr_gen_mode": "1",
  "net.ipv6.conf.all.accept_dad": "0",
  "net.ipv6.conf.default.accept_dad": "0",
  "net.ipv6.conf.all.accept_ra": "0",
  "net.ipv6.conf.default.accept_ra": "0",
  "net.ipv6.conf.all.router_solicitations": "0",
  "net.ipv6.conf.default.router_solicitations": "0",
  "net.ipv6.conf.all.accept_redirects": "1",
  "net.ipv6.conf.default.accept_redirects": "1",
  "net.ipv6.conf.all.forwarding": "0",
  "net.ipv6.conf.default.forwarding": "0",
  // Flow labels would be drawn.
  "net.ipv6.auto_flowlabels": "0",
  "net.ipv6.icmp.ratelimit": "0",
  // No error is held back: of the types only one that there is not is counted (an empty list changes nothing).
  "net.ipv6.icmp.ratemask": "255",
};

/** Whether a scenario is about IPv6: one of its devices has an address of it. */
export function usesIPv6(devices: Readonly<Record<string, readonly string[]>>): boolean {
  return Object.values(devices).some((addresses) => addresses.some((text) => text.includes(":")));
}
