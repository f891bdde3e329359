/**
 * Lines with two mistakes, of which the tool names one; numbers that wrap; restores of nothing. Command lines by name.
 */

const TWO_MISTAKES: readonly string[] = [
  "iptables -t mangle -A PREROUTING -j MARK -- 0x1",
  "iptables -t mangle -A PREROUTING -j MARK 0x1",
  "iptables -A INPUT -m conntrack -- x",
  "iptables -A INPUT -m addrtype -- x",
  "iptables -A INPUT -m set -- x",
  "iptables -A INPUT -m iprange -- x",
  "iptables -A INPUT -m limit -- x",
  "iptables -A INPUT -m tcp --sport 80 -- x",
  "iptables -A INPUT -p tcp --sport 80 -- x",
  "iptables -A INPUT -j REJECT -- x",
  "iptables -A INPUT -m recent -- x",
  "iptables -t nat -A PREROUTING -j DNAT -- x",
  "iptables -t nat -A PREROUTING -p tcp -m multiport -- x",
  "iptables -m conntrack",
  "iptables -j MARK",
  "iptables -m conntrack !",
  "iptables -L -m conntrack",
];

/** Names that the kernel would let no device have. */
const INTERFACES: readonly string[] = [
  "iptables -A FORWARD -i a/",
  "iptables -A FORWARD ! -o 'a b' -i /+",
  "iptables -A FORWARD -i +/",
  "iptables -A FORWARD -i 1234567890123/5",
  "iptables -A FORWARD -i 1234567890123/56",
  "iptables -A FORWARD -m physdev --physdev-in a/ --physdev-is-out",
  "iptables -C FORWARD -i a/",
];

const PORTS = ["4294967296", "0x10", "010:99999999999", "4294967295", "4294967290", "domain:65541", "-5", "4294967301"];

/** Input of iptables-restore that changes nothing, or next to nothing. */
const RESTORED = [
  "",
  "-F\n",
  "-Z\n",
  "-X\n",
  "-F OUTPUT\n",
  ":own - [0:0]\n",
  ":OUTPUT ACCEPT [0:0]\n",
  "-P OUTPUT ACCEPT\n",
];

export const MISTAKE_LINES: readonly (readonly [
  name: string,
  lines: readonly (string | readonly [string, string])[],
])[] = [
  ...TWO_MISTAKES.map((line) => [`two mistakes: ${line}`, [line]] as const),
  ...INTERFACES.map((line) => [`interfaces: ${line}`, [line, "iptables -S FORWARD"]] as const),
  ...PORTS.map(
    (ports) => [`ports: ${ports}`, [`iptables -A INPUT -p udp --sport ${ports} -j ACCEPT`, "iptables -S"]] as const,
  ),
  ...["010", "0x10", "65541", "http"].map(
    (port) =>
      [
        `ports: TPROXY ${port}`,
        [`iptables -t mangle -A PREROUTING -p tcp -j TPROXY --on-port ${port}`, "iptables -t mangle -S"],
      ] as const,
  ),
  ...["", " -n"].flatMap((options) =>
    RESTORED.map(
      (text) =>
        [
          `restored${options}: ${JSON.stringify(text)}`,
          [
            [`iptables-restore${options}`, `*raw\n${text}COMMIT\n`],
            "iptables-save",
            [`iptables-restore${options}`, "*raw\nCOMMIT\n"],
            "iptables-save",
          ],
        ] as const,
    ),
  ),
  [
    "limits: a burst of none",
    ["iptables -A INPUT -m limit --limit-burst 0", "iptables -S INPUT", "iptables -nL INPUT"],
  ],
];
