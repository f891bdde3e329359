/** What `-j TRACE` tells: by xtables-monitor of iptables-nft's rules, rule by rule and verdict by verdict. */
import { arrives } from "../kinds/router.js";
import { echo, tcp, udp } from "../lines.js";
import { fragments, ipv4, text, udpDatagram } from "../packets.js";
import type { PacketStep, Step } from "../scenario.js";
import { type Group, onRouter } from "./group.js";

const CLIENT = "192.168.1.10";
const SERVER = "198.51.100.9";
const INSIDE = "192.168.1.1";

const lan = (bytes: Uint8Array): PacketStep => arrives("lan0", bytes);
const syn = (port: number, to: string): PacketStep => lan(tcp(`${CLIENT}:${port}`, to, "S", { seq: 1 }));

/** Linux takes its time: the tool asks for the whole chain with each rule that it tells of. */
function told(setup: readonly string[], steps: readonly Step[], options = "--trace"): Parameters<typeof onRouter>[0] {
  return {
    name: "",
    setup,
    steps: [
      { run: `xtables-monitor ${options} > trace & sleep 0.5` },
      ...steps,
      { run: "sleep 3; sed 's/ [0-9a-f]\\{8\\} / ID /' trace" },
    ],
    finally: [],
  };
}

export const TRACE: Group = {
  name: "trace",
  about: "what xtables-monitor --trace prints of packets and the rules they meet",
  scenarios: () => [
    onRouter({
      ...told(
        [
          "iptables -t raw -A PREROUTING -j TRACE",
          "iptables -N own",
          "iptables -N empty",
          "iptables -N deep",
          "iptables -A FORWARD -p icmp -j own",
          "iptables -A own -j empty",
          "iptables -A own -s 9.9.9.9 -j DROP",
          "iptables -A own -g deep",
          "iptables -A deep -p tcp -j ACCEPT",
          "iptables -A FORWARD -p tcp --dport 80 -j ACCEPT",
          "iptables -A FORWARD -p tcp --dport 81 -j REJECT",
          "iptables -A FORWARD -p tcp --dport 82 -j REJECT --reject-with tcp-reset",
          "iptables -A FORWARD -p tcp --dport 83 -j DROP",
          "iptables -A FORWARD -p tcp --dport 84 -j NFQUEUE",
          "iptables -P FORWARD DROP",
        ],
        [
          lan(echo(CLIENT, SERVER, 7, 1)),
          ...[80, 81, 82, 83, 84].map((port) => syn(4000 + port, `${SERVER}:${port}`)),
          lan(tcp(`${CLIENT}:4080`, `${SERVER}:80`, "SAFRPU", { seq: 1, ack: 1, len: 3 })),
        ],
      ),
      name: "TRACE with iptables-nft tells rules, jumps, verdicts and policies",
    }),
    onRouter({
      ...told(
        [
          "iptables -t raw -A PREROUTING -j TRACE",
          "iptables -t mangle -A FORWARD -p tcp -j TOS --set-tos 8",
          "iptables -t mangle -A PREROUTING -p udp -j MARK --set-mark 0x77",
          "iptables -t nat -A POSTROUTING -o wan0 -p udp -j SNAT --to-source 198.51.100.1",
          "iptables -t nat -A POSTROUTING -o wan0 -p tcp -j MASQUERADE",
          "iptables -t nat -A PREROUTING -p tcp --dport 8080 -j DNAT --to-destination 198.51.100.9:80",
          "iptables -t nat -A PREROUTING -p tcp --dport 8081 -j REDIRECT --to-ports 22",
          "iptables -A FORWARD -p udp -m conntrack --ctstate NEW",
          'iptables -A FORWARD -p udp -m comment --comment "a b" -j RETURN',
          "iptables -A INPUT -p icmp -j ACCEPT",
        ],
        [
          syn(4005, `${INSIDE}:8080`),
          syn(4006, `${INSIDE}:8081`),
          lan(udp(`${CLIENT}:5000`, `${SERVER}:53`)),
          arrives("wan0", udp(`${SERVER}:53`, "198.51.100.1:5000")),
          lan(echo(CLIENT, INSIDE, 7, 1)),
          lan(ipv4({ src: CLIENT, dst: SERVER, id: 0, protocol: 47 }, text(8))),
          lan(ipv4({ src: CLIENT, dst: SERVER, id: 0, protocol: 132 }, text(12))),
          lan(ipv4({ src: CLIENT, dst: SERVER, id: 0, protocol: 50 }, text(8))),
          ...fragments(
            { src: CLIENT, dst: SERVER, id: 9 },
            udpDatagram({ src: CLIENT, dst: SERVER }, { sport: 1, dport: 2, payload: text(40) }),
            [24],
          ).map(lan),
        ],
      ),
      name: "TRACE with iptables-nft tells the packet as each table leaves it, and nat for a first packet only",
    }),
    onRouter({
      ...told(
        ["iptables -t raw -A PREROUTING -j TRACE"],
        [
          { run: "iptables -I FORWARD -p udp -j ACCEPT" },
          { run: "iptables -I FORWARD -p udp -j DROP" },
          lan(udp(`${CLIENT}:5000`, `${SERVER}:53`)),
          { run: "iptables -R FORWARD 1 -p udp --dport 53 -j LOG --log-prefix x" },
          { run: "iptables -D FORWARD 2" },
          lan(udp(`${CLIENT}:5000`, `${SERVER}:53`)),
          {
            run: "iptables-restore << 'END'\n*filter\n:FORWARD DROP\n:new -\n-A FORWARD -j new\n-A new -j RETURN\nCOMMIT\nEND",
          },
          lan(udp(`${CLIENT}:5000`, `${SERVER}:53`)),
        ],
        "-t -4",
      ),
      name: "TRACE with iptables-nft numbers rules and chains as nf_tables does",
    }),
    onRouter({
      name: "xtables-monitor refuses what it does not know",
      steps: [
        "xtables-monitor",
        "xtables-monitor -x",
        "xtables-monitor -h",
        "xtables-monitor --version",
        "xtables-monitor -4",
        "xtables-monitor foo",
        "xtables-monitor --tra=3",
      ].map((command) => ({ run: command })),
      finally: [],
    }),
  ],
};
