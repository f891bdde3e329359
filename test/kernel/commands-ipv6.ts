/**
 * What people type on the question's three hosts when they have IPv6 as well, step by step. The same steps run on real
 * Linux and in the lab, and both must print the same text with the same exit status.
 */
import type { Scenario, Step } from "./commands-scenarios.ts";

const each = (host: Step[0], ...commands: readonly string[]): Step[] => commands.map((command) => [host, command]);

const MASQUERADE = "ip6tables -t nat -A POSTROUTING -o eth1 -j MASQUERADE";

const scenarios: readonly Scenario[] = [
  {
    name: "ip shows",
    steps: [
      ...each(
        "client",
        "ip -6 addr",
        "ip addr show eth0",
        "ip -br addr show eth0",
        "ip -6 -br addr",
        "ip -o addr show eth0",
        "ip -6 route",
        "ip -6 r show table local",
        "ip route get 2001:db8:56::1",
        "ip -6 route get fd00:2::1",
        "ip route get ::1",
        "ip -6 route get fd00:2::55",
      ),
      ...each("gateway", "ip -6 route show table local | grep -v multicast", "ip -6 route show dev eth1"),
    ],
  },
  {
    name: "ip changes and refuses",
    steps: each(
      "client",
      "ip addr add fd00:7::1/64 dev eth0",
      "ip -6 addr show eth0",
      "ip -6 route add fd00:8::/48 via fd00:2::1",
      "ip -6 route add fd00:8::/48 via fd00:2::1",
      "ip -6 route add unreachable fd00:9::/48",
      "ip -6 route",
      "ip -6 route get fd00:9::1",
      "ip -6 route del fd00:8::/48",
      "ip -6 route del fd00:8::/48",
      "ip addr del fd00:7::1/64 dev eth0",
      "ip addr del fd00:7::1/64 dev eth0",
      "ip addr add fd00:2::55/64 dev eth0",
      "ip -6 route add default via fd00:77::1",
      "ip -6 route add fd00::/129 dev eth0",
      "ip -6 neigh add fd00:2::9 lladdr 02:00:00:00:00:01 dev eth0",
      "ip -6 neigh show to fd00:2::9",
      "ip -6 neigh del fd00:2::9 dev eth0",
      "ip -6 neigh show to fd00:2::9",
    ),
  },
  {
    name: "ping",
    steps: [
      ...each(
        "client",
        "ping -c 2 -i 0.2 2001:db8:56::1",
        "ping -6 -c 1 ::1",
        "ping -c 1 -q fd00:2::1",
        "ping -c 1 -t 1 2001:db8:56::1",
        "ping -c 1 -s 1000 -I fd00:2::55 fd00:2::1",
        "ping -c 1 -I eth0 fd00:2::1 2>/dev/null",
        "ping -c 1 -s 2000 fd00:2::1",
        "ping -c 1 -s 2000 -M do fd00:2::1",
        "ping -c 1 fd00:2::77",
        "ping -c 1 -W 0.5 2001:db8:56::77",
        "ping -c 1 fd00:2::55",
        "ping -6 -c 1 192.168.2.1",
        "ping -4 -c 1 ::1",
        "ping -c 1 fd00::2::1",
        "ip neigh | grep 2::1",
      ),
      ["gateway", "ip -6 route add prohibit 2001:db8:5::/48; ip -6 route add unreachable 2001:db8:6::/48"],
      ...each("client", "ping -c 1 -W 1 2001:db8:5::1", "ping -c 1 -W 1 2001:db8:6::1"),
      ["gateway", "ip6tables -I FORWARD -p icmpv6 --icmpv6-type echo-request -j REJECT"],
      ["client", "ping -c 1 -W 1 2001:db8:56::1"],
      ["gateway", "ip link set eth1 mtu 1300"],
      ["gateway", "ip6tables -F FORWARD"],
      ...each("client", "ping -c 1 -s 1400 -W 0.5 2001:db8:56::1", "ping -c 1 -s 1400 -W 0.5 2001:db8:56::1"),
    ],
  },
  {
    name: "nc and ss",
    steps: [
      ...each(
        "client",
        "nc -v fd00:2::1 99",
        "nc -v -w 1 fd00:2::77 99",
        "nc -z -v fd00:2::1 98-100",
        "nc -6 -v 192.168.2.1 99",
        "nc -4 -v fd00:2::1 99",
        "nc -v fe80::1 99",
        "nc -v -s fd00:9::9 fd00:2::1 99",
        "nc -v -w 1 fd00:2:: 99",
        "nc fd00::2::1 99",
        "nc -u -w 1 fd00:2::1 54 <<< hi",
      ),
      ...each(
        "server",
        "nc -6 -l -n -p 443 > f & sleep 0.3; ss -lnt; ss -6 -lnt; ss -4 -lnt; nc -n -N ::1 443 <<< six; wait; cat f",
        "nc -6 -l -n -v -p 443 & sleep 0.3; nc -n -p 4000 -N 127.0.0.1 443 <<< four; wait",
        "nc -l 2001:db8:56::1 444 & sleep 0.3; ss -lnt; kill $!",
        "nc -6 -u -l -p 53 & sleep 0.3; ss -lnu; kill $!",
        "nc -6 -l 192.0.2.1 443",
        "nc -l 2001:db8:56::99 443",
      ),
    ],
  },
  {
    name: "tcpdump",
    steps: [
      "tcpdump -lnt -i eth0 udp & sleep 0.5; nc -u -w 1 -p 4000 fd00:2::1 999 <<< hi; sleep 0.2; kill $!; wait",
      "tcpdump -lnt -i eth0 'icmp6[0] = 1' & sleep 0.5; nc -u -w 1 -p 4000 fd00:2::1 999 <<< hi; sleep 0.2; kill $!; wait",
      "tcpdump -lnt -i eth0 tcp & sleep 0.5; nc -p 4001 fd00:2::1 999; sleep 0.2; kill $!; wait",
      "tcpdump -lnt -i eth0 'icmp6[0] = 128 or icmp6[0] = 129' & sleep 0.5; ping -c 1 fd00:2::1 > /dev/null; sleep 0.2; kill $!; wait",
      "tcpdump -lntv -i eth0 'ip6[7] < 255' & sleep 0.5; ping -c 1 -t 1 2001:db8:56::1 > /dev/null; sleep 0.2; kill $!; wait",
    ].map((command): Step => ["client", command]),
  },
  {
    name: "NAT66",
    steps: [
      ["gateway", MASQUERADE],
      ["client", "ping -c 1 2001:db8:56::1"],
      ["server", "nc -6 -n -l -p 443 > f 2>&1 & sleep 0.3; echo listening"],
      ["client", "nc -u -p 4000 -w 1 2001:db8:56::1 5353 <<< hi"],
      [
        "gateway",
        "ip6tables -t nat -A PREROUTING -i eth1 -p udp --dport 53 -j DNAT --to-destination [fd00:2::55]:5353",
      ],
      ["server", "nc -u -p 4001 -w 1 2001:db8:56::3 53 <<< in"],
      ["gateway", "grep udp /proc/net/nf_conntrack | cut -d = -f 2- | sort"],
      ["gateway", "ip6tables -t nat -S"],
      ["gateway", "ip6tables-save -c -t nat | grep -v '^#'"],
    ],
  },
];

export const scenarios6: readonly Scenario[] = scenarios.map((scenario) => ({ ...scenario, ipv6: true }));
