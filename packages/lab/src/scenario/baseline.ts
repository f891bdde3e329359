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
  // The engine sends no ICMP redirects, and Linux paces its own by the time that has passed.
  "net.ipv4.conf.all.send_redirects": "0",
  "net.ipv4.conf.default.send_redirects": "0",
  // No ICMP error is held back.
  "net.ipv4.icmp_ratelimit": "0",
  "net.ipv4.icmp_ratemask": "0",
};
