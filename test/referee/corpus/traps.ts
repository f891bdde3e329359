/** The surprises of real gateways that facts/kernel-referee.md lists, each by its name, asked of the front door. */
import { fromLan, fromWan, type Group, handshake, onRouter, SNAT, TRACK, tunable } from "./group.js";

const CLIENT = "192.168.1.10:40000";
const SERVER = "198.51.100.9:80";
const OUTSIDE = "198.51.100.1:40000";
const ESTABLISHED = handshake(CLIENT, OUTSIDE, SERVER);
const FAR_OFF = 1 << 30;

/** FTP as the helper sees it: a greeting, a login, then PORT with the client's own address. */
const FTP_CLIENT = "192.168.1.9:40021";
const FTP_SERVER = "198.51.100.9:21";
const FTP_OUTSIDE = "198.51.100.1:40021";

export const TRAPS: Group = {
  name: "traps",
  about: "the surprises of real gateways, each by its name",
  scenarios: () => [
    onRouter({
      name: "trap 1: an INVALID answer is not translated back; the gateway itself answers with a RST",
      setup: [SNAT],
      steps: [...ESTABLISHED, fromWan.tcp(SERVER, OUTSIDE, "A", { seq: FAR_OFF, ack: 1001 })],
    }),
    onRouter({
      name: "trap 1: an INVALID packet of the original direction leaves with its private source",
      setup: [SNAT],
      steps: [...ESTABLISHED, fromLan.tcp(CLIENT, SERVER, "A", { seq: FAR_OFF, ack: 9001 })],
    }),
    onRouter({
      name: "trap 2: the FTP helper, given by a rule, rewrites PORT and shifts what is acknowledged",
      setup: [SNAT, "iptables-legacy -t raw -A PREROUTING -p tcp --dport 21 -j CT --helper ftp"],
      steps: [
        ...handshake(FTP_CLIENT, FTP_OUTSIDE, FTP_SERVER),
        // The first line is not looked at; the second names an address one digit shorter than what it becomes.
        fromLan.text(FTP_CLIENT, FTP_SERVER, { seq: 1001, ack: 9001 }, "PORT 192,168,1,9,200,10\r\n"),
        fromWan.tcp(FTP_SERVER, FTP_OUTSIDE, "A", { seq: 9001, ack: 1026 }),
        fromLan.text(FTP_CLIENT, FTP_SERVER, { seq: 1026, ack: 9001 }, "PORT 192,168,1,9,200,11\r\n"),
        fromWan.tcp(FTP_SERVER, FTP_OUTSIDE, "A", { seq: 9001, ack: 1052 }),
        fromLan.text(FTP_CLIENT, FTP_SERVER, { seq: 1051, ack: 9001 }, "LIST\r\n"),
      ],
    }),
    onRouter({
      name: "trap 3: data that nobody acknowledged leaves 300 seconds, not five days",
      setup: [SNAT],
      steps: [
        ...ESTABLISHED,
        fromLan.tcp(CLIENT, SERVER, "PA", { seq: 1001, ack: 9001, len: 5 }),
        { run: "conntrack -L" },
        fromWan.tcp(SERVER, OUTSIDE, "A", { seq: 9001, ack: 1006 }),
      ],
    }),
    onRouter({
      name: "trap 4: TRACE with iptables-nft shows the chains that exist, and nat for a first packet only",
      setup: [
        "iptables -t nat -A POSTROUTING -o wan0 -j SNAT --to-source 198.51.100.1",
        "iptables -t raw -A PREROUTING -p udp -j TRACE",
        "iptables -A FORWARD -p udp -j ACCEPT",
      ],
      steps: [
        { run: "xtables-monitor --trace > trace & sleep 0.5" },
        fromLan.udp("192.168.1.10:4000", "198.51.100.9:53"),
        fromWan.udp("198.51.100.9:53", "198.51.100.1:4000"),
        { run: "sleep 0.5; grep -o 'TRACE: 2 [0-9a-f]* [a-z]*:[A-Z]*:[a-z]*' trace | cut -d' ' -f4" },
      ],
      finally: [],
    }),
    onRouter({
      name: "trap 5: TCP to a closed port of the gateway makes an entry, which goes as the RST leaves",
      setup: [TRACK],
      steps: [fromLan.tcp(CLIENT, "192.168.1.1:81", "S", { seq: 1 })],
    }),
    onRouter({
      name: "trap 5: UDP to a closed port of the gateway keeps its entry, and the ICMP error is RELATED",
      setup: [TRACK, "iptables-legacy -A OUTPUT -m conntrack --ctstate RELATED"],
      steps: [fromLan.udp("192.168.1.10:5000", "192.168.1.1:81")],
    }),
    onRouter({
      name: "trap 6: an expired entry met by its tuple again is a DESTROY, then a NEW",
      setup: [TRACK],
      sysctl: tunable("udp_timeout", 1),
      steps: [
        fromLan.udp("192.168.1.10:4000", "198.51.100.9:53"),
        // Soon after its end: the kernel may sweep it of itself.
        { sleep: "1100ms" },
        fromLan.udp("192.168.1.10:4000", "198.51.100.9:53"),
      ],
    }),
    onRouter({
      name: "trap 7: when every port of the one address is taken, the packet is dropped",
      setup: ["iptables-legacy -t nat -A POSTROUTING -o wan0 -p tcp -j SNAT --to-source 198.51.100.1:5000-5003"],
      steps: [10, 11, 12, 13, 14].map((host) => fromLan.tcp(`192.168.1.${host}:999`, SERVER, "S", { seq: 1 })),
      finally: ["conntrack -L", "conntrack -C"],
    }),
    onRouter({
      name: "trap 8: a packet dropped on its way leaves no entry and no event",
      setup: [SNAT, "iptables-legacy -A FORWARD -p udp -j DROP"],
      steps: [
        fromLan.udp("192.168.1.10:4000", "198.51.100.9:53"),
        { run: "conntrack -C" },
        fromLan.tcp(CLIENT, SERVER, "S", { seq: 1 }),
      ],
    }),
    onRouter({
      name: "trap 8: NEW follows the whole walk: it has the port that POSTROUTING chose",
      setup: ["iptables-legacy -t nat -A POSTROUTING -o wan0 -p tcp -j SNAT --to-source 198.51.100.1:5000"],
      steps: [fromLan.tcp(CLIENT, SERVER, "S", { seq: 1 })],
    }),
  ],
};
