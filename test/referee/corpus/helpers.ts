/** Helpers by name: what each announces, what the tools print of it, and what the tools refuse. */

import { sack, tcpOptions } from "../kinds/conversation.js";
import { lan, wan } from "../kinds/router.js";
import { ACK, tcp, udp } from "../packets.js";
import type { PacketStep, Step } from "../scenario.js";
import { fromLan, fromWan, type Group, handshake, LIST, onRouter, SNAT } from "./group.js";

const CLIENT = "192.168.1.9:40021";
const SERVER = "198.51.100.9:21";
const OUTSIDE = "198.51.100.1:40021";
const FTP = "iptables-legacy -t raw -A PREROUTING -p tcp --dport 21 -j CT --helper ftp";
const LIST_EXPECTED = "conntrack -L expect";

const run = (command: string): Step => ({ run: command });
/** Greeting and login: after them both sides' lines are read. */
const GREETED = [
  ...handshake(CLIENT, OUTSIDE, SERVER),
  fromWan.text(SERVER, OUTSIDE, { seq: 9001, ack: 1001 }, "220 hello\r\n"),
  fromLan.text(CLIENT, SERVER, { seq: 1001, ack: 9012 }, "USER me\r\n"),
];
const said = { seq: 1010, ack: 9012 };

function selective(seq: number, ack: number, left: number, right: number): PacketStep {
  return wan(
    tcp(
      { src: "198.51.100.9", dst: "198.51.100.1", id: 0 },
      { sport: 21, dport: 40_021, seq, ack, flags: ACK, options: tcpOptions([1, 1], sack([left, right])) },
    ),
  );
}

const datagram = (from: string, to: string, text: string): Uint8Array => {
  const [src, sport] = from.split(":");
  const [dst, dport] = to.split(":");
  const payload = Uint8Array.from(text, (letter) => letter.charCodeAt(0));
  return udp({ src, dst, id: 0 }, { sport: Number(sport), dport: Number(dport), payload });
};

const ASKED = ["-S", "-nvL", "-L"];

export const HELPED: Group = {
  name: "helpers",
  about: "helpers by name: what they announce, and what the tools say of them",
  scenarios: () => [
    onRouter({
      name: "active FTP through SNAT: PORT is rewritten, the server calls, the data connection is RELATED",
      setup: [
        SNAT,
        FTP,
        "iptables-legacy -A FORWARD -m conntrack --ctstate RELATED",
        "iptables-legacy -A FORWARD -m helper --helper ftp",
      ],
      steps: [
        ...GREETED,
        fromLan.text(CLIENT, SERVER, said, "PORT 192,168,1,9,200,11\r\n"),
        run(LIST_EXPECTED),
        run("cat /proc/net/nf_conntrack_expect"),
        fromWan.tcp("198.51.100.9:20", "198.51.100.1:51211", "S", { seq: 5000 }),
        fromLan.tcp("192.168.1.9:51211", "198.51.100.9:20", "SA", { seq: 7000, ack: 5001 }),
        fromWan.tcp("198.51.100.9:20", "198.51.100.1:51211", "A", { seq: 5001, ack: 7001 }),
        run(LIST_EXPECTED),
        run("conntrack -L --status EXPECTED"),
        run("conntrack -D -p tcp --orig-port-dst 21"),
      ],
    }),
    onRouter({
      name: "active FTP without NAT, and a stranger who calls: nothing of it is RELATED",
      setup: [FTP, "iptables-legacy -A FORWARD -m conntrack --ctstate RELATED"],
      steps: [
        ...handshake(CLIENT, CLIENT, SERVER),
        fromLan.text(CLIENT, SERVER, { seq: 1001, ack: 9001 }, "USER me\r\n"),
        fromLan.text(CLIENT, SERVER, { seq: 1010, ack: 9001 }, "EPRT |1|192.168.1.9|51211|\r\n"),
        fromWan.tcp("203.0.113.7:20", "192.168.1.9:51211", "S", { seq: 5000 }),
        run(LIST_EXPECTED),
        fromWan.tcp("198.51.100.9:20", "192.168.1.9:51211", "S", { seq: 5000 }),
      ],
    }),
    onRouter({
      name: "passive FTP with the server inside: 227 and 229 name the outside address and port",
      setup: [FTP, "iptables-legacy -t nat -A PREROUTING -i wan0 -d 198.51.100.1 -j DNAT --to-destination 192.168.1.9"],
      steps: [
        fromWan.tcp("198.51.100.9:4000", "198.51.100.1:21", "S", { seq: 1000 }),
        fromLan.tcp("192.168.1.9:21", "198.51.100.9:4000", "SA", { seq: 9000, ack: 1001 }),
        fromWan.tcp("198.51.100.9:4000", "198.51.100.1:21", "A", { seq: 1001, ack: 9001 }),
        fromLan.text("192.168.1.9:21", "198.51.100.9:4000", { seq: 9001, ack: 1001 }, "220 hello\r\n"),
        fromLan.text(
          "192.168.1.9:21",
          "198.51.100.9:4000",
          { seq: 9012, ack: 1001 },
          "227 Passive (192,168,1,9,200,11)\r\n",
        ),
        fromLan.text("192.168.1.9:21", "198.51.100.9:4000", { seq: 9046, ack: 1001 }, "229 Extended (|||51212|)\r\n"),
        run(LIST_EXPECTED),
        fromWan.tcp("198.51.100.9:4001", "198.51.100.1:51212", "S", { seq: 5000 }),
      ],
    }),
    onRouter({
      name: "what was rewritten shifts: repeated, acknowledged, acknowledged selectively",
      setup: [SNAT, FTP],
      steps: [
        ...GREETED,
        fromLan.text(CLIENT, SERVER, said, "PORT 192,168,1,9,200,11\r\n"),
        fromLan.text(CLIENT, SERVER, said, "PORT 192,168,1,9,200,11\r\n"),
        fromLan.text(CLIENT, SERVER, { seq: 1035, ack: 9012 }, "LIST\r\n"),
        selective(9012, 1010, 1036, 1042),
        fromWan.tcp(SERVER, OUTSIDE, "A", { seq: 9012, ack: 1042 }),
        fromLan.text(CLIENT, SERVER, { seq: 1041, ack: 9012 }, "PORT 192,168,1,9,200,12\r\n"),
        fromWan.tcp(SERVER, OUTSIDE, "A", { seq: 9012, ack: 1068 }),
        fromLan.tcp(CLIENT, SERVER, "FA", { seq: 1066, ack: 9012 }),
      ],
    }),
    onRouter({
      name: "a line that is cut is dropped, and read when it comes whole; a forged address is passed over",
      setup: [SNAT, FTP],
      steps: [
        ...GREETED,
        fromLan.text(CLIENT, SERVER, said, "PORT 192,168,1"),
        fromLan.text(CLIENT, SERVER, said, "PORT 10,0,0,1,200,11\r\n"),
        fromLan.text(CLIENT, SERVER, { seq: 1032, ack: 9012 }, "PORT 192,168,1,9,200,11\r\n"),
      ],
      finally: [LIST_EXPECTED, LIST],
    }),
    onRouter({
      name: "a connection that comes gets the mark of the one that announced it",
      setup: [FTP, "iptables-legacy -t mangle -A FORWARD -p tcp --dport 21 -j CONNMARK --set-mark 7"],
      steps: [
        ...handshake(CLIENT, CLIENT, SERVER),
        fromLan.text(CLIENT, SERVER, { seq: 1001, ack: 9001 }, "USER me\r\n"),
        fromLan.text(CLIENT, SERVER, { seq: 1010, ack: 9001 }, "PORT 192,168,1,9,200,11\r\n"),
        fromWan.tcp("198.51.100.9:20", "192.168.1.9:51211", "S", { seq: 5000 }),
      ],
    }),
    onRouter({
      name: "TFTP through SNAT: the server answers from another port",
      setup: [SNAT, "iptables-legacy -t raw -A PREROUTING -p udp --dport 69 -j CT --helper tftp"],
      steps: [
        lan(datagram("192.168.1.9:2000", "198.51.100.9:69", "\0\u0001file\0octet\0")),
        run(LIST_EXPECTED),
        wan(datagram("198.51.100.9:3000", "198.51.100.1:2000", "\0\u0003\0\u0001data")),
      ],
    }),
    onRouter({
      name: "IRC through SNAT: DCC SEND names the outside address",
      setup: [SNAT, "iptables-legacy -t raw -A PREROUTING -p tcp --dport 6667 -j CT --helper irc"],
      steps: [
        ...handshake("192.168.1.9:4000", "198.51.100.1:4000", "198.51.100.9:6667"),
        fromLan.text(
          "192.168.1.9:4000",
          "198.51.100.9:6667",
          { seq: 1001, ack: 9001 },
          "PRIVMSG friend :\u0001DCC SEND file.txt 3232235785 5000 17\u0001\r\n",
        ),
        run(LIST_EXPECTED),
        fromWan.tcp("203.0.113.7:3333", "198.51.100.1:5000", "S", { seq: 5000 }),
      ],
    }),
    onRouter({
      name: "NetBIOS names: this host asks a network by broadcast, and for three seconds all may answer",
      setup: [
        "ip addr add 10.5.0.1/24 brd + dev lan0",
        "iptables-legacy -t raw -A OUTPUT -p udp --dport 137 -j CT --helper netbios-ns",
        "iptables-legacy -A INPUT -m conntrack --ctstate RELATED",
        // Here, where what leaves is not compared: its identification is drawn.
        "echo ask | timeout 0.2 nc -u -b -p 137 10.5.0.255 137 || true",
      ],
      steps: [
        run(LIST_EXPECTED),
        lan(datagram("10.5.0.7:137", "10.5.0.1:137", "answer")),
        lan(datagram("10.5.0.8:137", "10.5.0.1:137", "answer")),
      ],
      finally: [LIST, "iptables-legacy-save -c"],
    }),
    onRouter({
      name: "conntrack prints expectations in every way, and empties the table",
      setup: [SNAT, FTP],
      steps: [
        ...GREETED,
        fromLan.text(CLIENT, SERVER, said, "PORT 192,168,1,9,200,11\r\n"),
        ...[
          "-o xml | grep -o '<layer3.*<timeout>'",
          "-o extended",
          "-o id",
          "-o save",
          "-f ipv6",
          "-p tcp",
          "-s 192.168.1.9",
          "-o foo",
        ].map((more) => run(`${LIST_EXPECTED} ${more}`)),
        run("conntrack -C expect"),
        run("conntrack -F expect"),
        run("conntrack -C expect"),
        run("conntrack -L -o xml | grep -o '<helper>.*</helper>'"),
      ],
    }),
    onRouter({
      name: "iptables prints and refuses helpers, in both flavours",
      steps: ["iptables", "iptables-legacy"].flatMap((tool) => [
        run(`${tool} -t raw -A PREROUTING -p tcp --dport 21 -j CT --helper ftp`),
        run(`${tool} -t raw -A PREROUTING -p udp -j CT --notrack --helper tftp`),
        run(`${tool} -t raw -A OUTPUT -p tcp -j CT --helper ""`),
        run(`${tool} -t raw -A OUTPUT -p udp -j CT --helper ftp`),
        run(`${tool} -t raw -A OUTPUT -j CT --helper ftp`),
        run(`${tool} -t raw -A OUTPUT ! -p tcp -j CT --helper ftp`),
        run(`${tool} -t raw -A OUTPUT -p tcp -j CT --helper nosuch`),
        run(`${tool} -t raw -A OUTPUT -p tcp -j CT --helper`),
        run(`${tool} -t raw -A OUTPUT -p tcp -j CT --helper ftp --helper irc`),
        run(`${tool} -t raw -A OUTPUT -p tcp -j CT ! --helper ftp`),
        run(`${tool} -A OUTPUT -p tcp -j CT --helper ftp`),
        ...ASKED.map((look) => run(`${tool} -t raw ${look}`)),
        run(`${tool} -A INPUT -m helper --helper ftp`),
        run(`${tool} -A INPUT -m helper ! --helper ftp-2121`),
        run(`${tool} -A INPUT -m helper --helper ""`),
        run(`${tool} -A INPUT -m helper --helper "a b"`),
        run(`${tool} -A INPUT -m helper --helper ${"a".repeat(40)}`),
        run(`${tool} -A INPUT -m helper`),
        run(`${tool} -A INPUT -m helper --helper ftp --helper irc`),
        ...ASKED.map((look) => run(`${tool} ${look}`)),
        run(`${tool}-save`),
        run(`${tool} -F; ${tool} -t raw -F`),
      ]),
      finally: [],
    }),
  ],
};
