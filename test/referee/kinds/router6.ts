/** The router of router.ts with IPv6: who is where, and how it is set up. */

export const CLIENT = "2001:db8:1::10";
export const OTHER_CLIENT = "2001:db8:1::11";
export const INSIDE = "2001:db8:1::1";
export const OUTSIDE = "2001:db8:2::1";
export const SERVER = "2001:db8:2::9";
export const FAR_SERVER = "2001:db8:3::7";

export const DEVICES_6 = { lan0: [`${INSIDE}/64`], wan0: [`${OUTSIDE}/64`] };
export const FORWARDING_6: Readonly<Record<string, string>> = { "net.ipv6.conf.all.forwarding": "1" };
export const ROUTES_6: readonly string[] = [
  "ip -6 route add 2001:db8:3::/48 dev wan0",
  "ip -6 route add blackhole 2001:db8:4::/48",
  "ip -6 route add unreachable 2001:db8:5::/48",
  "ip -6 route add prohibit 2001:db8:6::/48",
];
