/**
 * Sets of IPv6, masks, skbinfo and the listing as XML: command lines by name. Each set has one element at most when it
 * is listed, as the kernel lists more in an order of its own.
 */

/** One element of each type, put in, asked for and listed. */
const ELEMENTS6: readonly (readonly [type: string, element: string, asked: readonly string[]])[] = [
  ["hash:ip", "2001:DB8:0::1", ["2001:db8::1", "2001:db8::2", "2001:db8::1/128", "2001:db8::1,80"]],
  ["hash:net", "2001:db8::5/64", ["2001:db8::7", "2001:db8::/96", "2001:db8::9/64", "2001:db9::1"]],
  ["hash:ip,port", "2001:db8::1,udp:domain", ["2001:db8::1,udp:53", "2001:db8::1,53", "2001:db8::1,80-82"]],
  ["hash:ip,port", "[2001:db8::1],99", ["2001:db8::1,tcp:99"]],
  ["hash:ip,port", "2001:db8::1,icmpv6:ping", ["2001:db8::1,icmpv6:128/0", "2001:db8::1,icmpv6:129/0"]],
  ["hash:ip,port", "2001:db8::1,ipv6-icmp:neighbour", ["2001:db8::1,icmpv6:135/0"]],
  ["hash:ip,port", "2001:db8::1,icmpv6:200/5", ["2001:db8::1,icmpv6:200/5"]],
  ["hash:ip,port", "2001:db8::1,gre:0", ["2001:db8::1,gre:0", "2001:db8::1,gre:1"]],
  ["hash:net,port", "2001:db8::/64,udp:53", ["2001:db8::1,udp:53", "2001:db8::1,tcp:53"]],
  ["hash:net,iface", "::/0,eth0", ["2001:db8::1,eth0", "2001:db8::1,eth1"]],
  ["hash:net,iface", "2001:db8::/64,physdev:br0", ["2001:db8::1,physdev:br0", "2001:db8::1,br0"]],
  ["hash:ip,port,ip", "2001:db8::1,80,2001:db8::2", ["2001:db8::1,80,2001:db8::2", "2001:db8::2,80,2001:db8::1"]],
  ["hash:ip,port,net", "2001:db8::1,80,2001:db8::5/64", ["2001:db8::1,80,2001:db8::9", "2001:db8::1,80,2001:db9::"]],
];

/** Words that a set of IPv6 refuses. */
const WRONG6: readonly (readonly [type: string, elements: readonly string[]])[] = [
  ["hash:ip", ["::", "1.2.3.4", "foo", "2001:db8::g", "::1-::5", "::/64", "::1/129", "::1,80"]],
  ["hash:net", ["::/0", "::1-::5", "::1/129", "::1/x", "10.0.0.0/8"]],
  ["hash:ip,port", ["::1", "::1,80,90", "::1,zz:80", "::1,gre:5", "::1,icmp:ping", "::1,icmpv6:5", "::1,icmpv6:1/300"]],
  ["hash:ip,port", ["::1,icmpv6:foo", "::/64,80", "::1-::5,80"]],
  ["hash:net,port", ["::/0,80", "::-::5,80"]],
  ["hash:net,iface", ["::1,abcdefghijklmnopqrst"]],
  ["hash:ip,port,net", ["::1,80,::/0", "::1,80,::1-::2", "::1-::2,80,::1", "::1,80"]],
];

/** Options that `create` is given. */
const CREATIONS: readonly string[] = [
  "hash:ip netmask 33",
  "hash:ip netmask 0",
  "hash:ip family inet6 netmask 129",
  "hash:ip netmask 64 family inet6",
  "hash:ip -6",
  "hash:ip --family inet6",
  "hash:ip family inet7",
  "hash:ip family inet family inet6",
  "hash:ip family",
  "hash:ip timeout 5 timeout 6",
  "hash:ip bitmask 255.0.255.0",
  "hash:ip bitmask 0.0.0.0",
  "hash:ip bitmask ffff::",
  "hash:ip bitmask 255.0.0.0 netmask 5",
  "hash:ip family inet6 bitmask ffff::ffff",
  "hash:ip family inet6 bitmask 1.2.3.4",
  "hash:ip,port netmask 24",
  "hash:ip,port bitmask 255.255.0.0",
  "hash:ip,port,ip netmask 24",
  "hash:net netmask 24",
  "hash:ip bucketsize 5 initval 0x12345678",
  "hash:ip bucketsize 0",
  "hash:ip bucketsize 100 hashsize 5 maxelem 0",
  "hash:net,net family inet6",
  "bitmap:ip family inet6 range 1.0.0.0/24",
  "bitmap:ip range 1.1.1.0/24 netmask 28 timeout 5",
  "list:set skbinfo size 3",
];

const SKB_INFO: readonly string[] = [
  "skbmark 0x10/0xf0 skbprio 1:2 skbqueue 7",
  "skbmark 0x10",
  "skbmark 0x10/0",
  "skbmark 0x0/0x0",
  "skbmark 16",
  "skbmark zz",
  "skbmark 0x100000000",
  "skbmark",
  "skbprio ffff:ffff",
  "skbprio 10000:1",
  "skbprio 1",
  "skbprio 1:zz",
  "skbprio 1:2:3",
  "skbprio 1:2 skbprio 3:4",
  "skbqueue 65536",
  "skbqueue x",
  "skbqueue 0",
];

/** Rules that name sets of one family or the other. */
const RULES: readonly string[] = [
  "-m set --match-set v4 src",
  "-m set --match-set v6 src",
  "-m set --match-set list src",
  "-m set --match-set ports dst",
  "-j SET --add-set v6 src",
  "-j SET --del-set v4 src",
  "-t mangle -j SET --map-set v4 src --map-mark",
  "-t mangle -j SET --map-set v6 src --map-mark",
  "-j SET --map-set list src --map-mark",
  "-t mangle -j SET --map-set list src",
  "-t mangle -j SET --map-set list src --map-prio",
];

export const IPSET_LINES: readonly (readonly [name: string, lines: readonly string[]])[] = [
  ...ELEMENTS6.map(
    ([type, element, asked]) =>
      [
        `sets: ${type} of IPv6 with ${element}`,
        [
          `ipset create s ${type} family inet6 counters comment`,
          `ipset add s ${element} packets 3 bytes 200 comment "a remark"`,
          `ipset add s ${element}`,
          ...asked.map((each) => `ipset test s ${each}`),
          "ipset list",
          "ipset save",
          "ipset list -o xml",
          `ipset del s ${element}`,
          `ipset del s ${element}`,
        ],
      ] as const,
  ),
  [
    "sets: elements that IPv6 has not",
    WRONG6.flatMap(([type, elements], i) => [
      `ipset create s${i} ${type} family inet6`,
      ...elements.map((element) => `ipset add s${i} ${element}`),
    ]),
  ],
  [
    "sets: elements that IPv4 has not",
    [
      "ipset create a hash:ip",
      "ipset add a 0.0.0.0",
      "ipset add a ::1",
      "ipset create p hash:ip,port",
      "ipset add p 1.1.1.1,icmpv6:ping",
      "ipset add p 1.1.1.1,icmp:foo",
      "ipset add p 1.1.1.1,gre:7",
      "ipset test p 1.1.1.1-1.1.1.3,80",
      "ipset test p 1.1.1.0/24,80",
      "ipset test p 1.1.1.1,80-82",
      "ipset create n hash:net",
      "ipset test n 1.1.1.1-1.1.1.3",
      "ipset add p 1.1.1.1,icmp:TOS",
      "ipset list p",
    ],
  ],
  ...CREATIONS.map(
    (options) =>
      [
        `sets: create ${options}`,
        [`ipset create s ${options}`, "ipset list", "ipset save", "ipset list -o xml"],
      ] as const,
  ),
  ...SKB_INFO.map(
    (words) =>
      [
        `sets: ${words}`,
        ["ipset create s hash:ip skbinfo", `ipset add s 1.1.1.1 ${words}`, "ipset save", "ipset list -o xml"],
      ] as const,
  ),
  [
    "sets: skbinfo without support for it",
    [
      "ipset create s hash:ip",
      "ipset add s 1.1.1.1 skbmark 0x1/0x1",
      "ipset create l list:set",
      "ipset add l s skbprio 1:1",
    ],
  ],
  [
    "sets: swapped between families",
    [
      "ipset create a hash:ip",
      "ipset create b hash:ip family inet6",
      "ipset swap a b",
      "ipset create c hash:net family inet6",
      "ipset swap b c",
      "ipset -exist create a hash:ip family inet6",
      "ipset list -n -o xml",
      "ipset list -t -o xml",
    ],
  ],
  ...["iptables", "ip6tables"].flatMap((tool) =>
    RULES.map((rule) => {
      const [, table = "filter"] = /^-t (\w+)/.exec(rule) ?? [];
      return [
        `sets: ${tool} ${rule}`,
        [
          "ipset create v4 hash:ip skbinfo",
          "ipset create v6 hash:net family inet6 skbinfo",
          "ipset create list list:set skbinfo",
          "ipset create ports bitmap:port range 1-100",
          `${tool} -A INPUT ${rule}`,
          `${tool} -t ${table} -S`,
          `${tool} -t ${table} -L -n`,
          "ipset list -t",
        ],
      ] as const;
    }),
  ),
];
