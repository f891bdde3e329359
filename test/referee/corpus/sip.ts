/**
 * SIP by name: registrations, calls and their media through NAT, and what is dropped; errors about what was expected.
 */
import { lan, wan } from "../kinds/router.js";
import { udp as udpLine } from "../lines.js";
import { icmp, udp } from "../packets.js";
import type { PacketStep, Step } from "../scenario.js";
import { fromLan, fromWan, type Group, handshake, LIST, MASQUERADE, onRouter, SNAT } from "./group.js";

const PHONE = "192.168.1.9:5060";
const PROXY = "198.51.100.9:5060";
const OUTSIDE = "198.51.100.1:5060";
const UDP = "iptables-legacy -t raw -A PREROUTING -p udp --dport 5060 -j CT --helper sip";
const TCP = "iptables-legacy -t raw -A PREROUTING -p tcp --dport 5060 -j CT --helper sip";
const RELATED = [
  "iptables-legacy -A FORWARD -m conntrack --ctstate RELATED",
  "iptables-legacy -A FORWARD -m helper --helper sip",
];

const EXPECTED: Step = { run: "conntrack -L expect" };
const NAMED: Step = { run: "cat /proc/net/nf_conntrack_expect" };

function datagram(from: string, to: string, words: string): Uint8Array {
  const [src, sport] = from.split(":");
  const [dst, dport] = to.split(":");
  const payload = new TextEncoder().encode(words);
  return udp({ src, dst, id: 0 }, { sport: Number(sport), dport: Number(dport), payload });
}

const said = (from: string, to: string, words: string): PacketStep => lan(datagram(from, to, words));
const heard = (from: string, to: string, words: string): PacketStep => wan(datagram(from, to, words));

/** A message of these lines, with a body. */
function message(lines: readonly string[], body = ""): string {
  return `${[...lines, `Content-Length: ${body.length}`].join("\r\n")}\r\n\r\n${body}`;
}

function description(address: string, ...media: readonly string[]): string {
  return ["v=0", `o=- 1 1 IN IP4 ${address}`, "s=-", `c=IN IP4 ${address}`, "t=0 0", ...media, ""].join("\r\n");
}

const AUDIO = "m=audio 4000 RTP/AVP 0";

/** The lines of a phone's request, or of the answer to it, as one who knows the phone by `phone` says them. */
function lines(first: string, method: string, phone: string, cseq: number, contact: string): string[] {
  return [
    first,
    `Via: SIP/2.0/UDP ${phone};branch=z9hG4bK1;rport`,
    `From: "A" <sip:a@${phone}>;tag=1`,
    `To: <sip:b@${PROXY}>`,
    "Call-ID: 1@phone",
    `CSeq: ${cseq} ${method}`,
    ...(contact === "" ? [] : [`Contact: <sip:a@${contact}>`]),
  ];
}

const register = (expires: number): string =>
  message([...lines(`REGISTER sip:${PROXY} SIP/2.0`, "REGISTER", PHONE, 1, PHONE), `Expires: ${expires}`]);
const registered = (code: number, expires: number): string =>
  message([...lines(`SIP/2.0 ${code} Said`, "REGISTER", OUTSIDE, 1, OUTSIDE), `Expires: ${expires}`]);
const invite = (phone: string, body: string, cseq = 2): string =>
  message(lines(`INVITE sip:b@${PROXY} SIP/2.0`, "INVITE", phone, cseq, phone), body);
const invited = (code: number, body: string, cseq = 2): string =>
  message(lines(`SIP/2.0 ${code} Said`, "INVITE", OUTSIDE, cseq, PROXY), body);
const bye = message(lines(`BYE sip:b@${PROXY} SIP/2.0`, "BYE", PHONE, 3, ""));

/** An ICMP error about a packet, as far as it is quoted. */
const unreachable = (src: string, dst: string, about: Uint8Array, quoted = about.length): Uint8Array =>
  icmp({ src, dst, id: 0 }, { type: 3, code: 3, payload: about.slice(0, quoted) });

export const SIP: Group = {
  name: "sip",
  about: "SIP's helper under NAT, and errors about expected connections",
  scenarios: () => [
    onRouter({
      name: "a phone registers through SNAT: calls are expected once the registrar agrees, and for so long",
      setup: [SNAT, UDP, ...RELATED],
      steps: [
        said(PHONE, PROXY, register(600)),
        EXPECTED,
        NAMED,
        heard(PROXY, OUTSIDE, registered(100, 600)),
        heard(PROXY, OUTSIDE, registered(200, 300)),
        EXPECTED,
        heard("198.51.100.9:5070", OUTSIDE, invite(OUTSIDE, description("198.51.100.9", AUDIO))),
        EXPECTED,
        said(PHONE, PROXY, register(0)),
        heard(PROXY, OUTSIDE, registered(200, 0)),
        EXPECTED,
      ],
    }),
    onRouter({
      name: "a refused registration is expected no more, and a stranger's call never was",
      setup: [SNAT, UDP, ...RELATED],
      steps: [
        said(PHONE, PROXY, register(600)),
        heard("203.0.113.7:5060", OUTSIDE, "OPTIONS sip:a SIP/2.0\r\n\r\n"),
        heard(PROXY, OUTSIDE, registered(403, 600)),
        EXPECTED,
      ],
    }),
    onRouter({
      name: "a call through MASQUERADE: the description is rewritten, media come and go, BYE ends what is expected",
      setup: [MASQUERADE, UDP, ...RELATED],
      steps: [
        said(PHONE, PROXY, invite(PHONE, description("192.168.1.9", AUDIO, "m=video 4002 RTP/AVP 31"))),
        EXPECTED,
        NAMED,
        heard(PROXY, OUTSIDE, invited(200, description("198.51.100.9", "m=audio 6000 RTP/AVP 0"))),
        EXPECTED,
        heard("198.51.100.9:6000", "198.51.100.1:4000", "rtp"),
        said("192.168.1.9:4000", "198.51.100.9:6000", "rtp"),
        said("192.168.1.9:4001", "198.51.100.9:6001", "rtcp"),
        EXPECTED,
        said(PHONE, PROXY, bye),
        EXPECTED,
        { run: "conntrack -L" },
      ],
    }),
    onRouter({
      name: "a call that fails: its media are expected no more; one whose number is another's stay",
      setup: [SNAT, UDP],
      steps: [
        said(PHONE, PROXY, invite(PHONE, description("192.168.1.9", AUDIO))),
        heard(PROXY, OUTSIDE, invited(486, "", 7)),
        EXPECTED,
        heard(PROXY, OUTSIDE, invited(486, "")),
        EXPECTED,
      ],
    }),
    onRouter({
      name: "two phones ask for the same port: the second gets the next pair",
      setup: [SNAT, UDP],
      steps: [
        said(PHONE, PROXY, invite(PHONE, description("192.168.1.9", AUDIO))),
        said("192.168.1.10:5062", PROXY, invite("192.168.1.10:5062", description("192.168.1.10", AUDIO))),
        EXPECTED,
        heard("198.51.100.9:6000", "198.51.100.1:4002", "rtp"),
      ],
    }),
    onRouter({
      name: "a phone that listens at another port than it sends from is answered there",
      setup: [SNAT, UDP],
      steps: [
        said("192.168.1.9:40060", PROXY, register(600)),
        heard(PROXY, "198.51.100.1:40060", registered(200, 600)),
        EXPECTED,
      ],
    }),
    onRouter({
      name: "two messages in one segment through SNAT, and what comes after moves",
      setup: [SNAT, TCP],
      steps: [
        ...handshake("192.168.1.9:5060", "198.51.100.1:5060", PROXY),
        ...((): PacketStep[] => {
          const request = invite(PHONE, description("192.168.1.9", AUDIO)).replace("SIP/2.0/UDP", "SIP/2.0/TCP");
          return [
            fromLan.text(PHONE, PROXY, { seq: 1001, ack: 9001 }, request + request),
            fromLan.text(PHONE, PROXY, { seq: 1001 + 2 * request.length, ack: 9001 }, "\r\n"),
            fromLan.text(PHONE, PROXY, { seq: 1003 + 2 * request.length, ack: 9001 }, request.slice(0, 100)),
          ];
        })(),
        EXPECTED,
        fromWan.tcp(PROXY, OUTSIDE, "A", { seq: 9001, ack: 2001 }),
      ],
    }),
    onRouter({
      name: "messages that cannot be read are dropped, others pass",
      setup: [SNAT, UDP],
      steps: [
        invite(PHONE, "").replace(/CSeq.*\r\n/, ""),
        invite(PHONE, description("192.168.1.9", "m=audio 99 RTP/AVP 0")),
        invite(PHONE, description("192.168.1.9", "m=audio 0 RTP/AVP 0")),
        invite(PHONE, description("10.9.8.7", AUDIO)),
        invite(PHONE, description("192.168.1.9", AUDIO)).replace(/Content-Length.*\r\n/, ""),
        register(600).replace("<sip:a@192.168.1.9:5060>\r\nExp", "<sip:a@192.168.1.9:99999>\r\nExp"),
        register(600).replace("<sip:a@192.168.1.9:5060>\r\nExp", "<sip:a@192.168.1.9:5060>;expires=x\r\nExp"),
        "SIP/2.0 x\r\n\r\n",
        "SIP/2.0 200 OK\r\n\r\n",
        "OPTIONS sip:b SIP/2.0\r\n\r\n",
        "short",
      ].map((words) => said(PHONE, PROXY, words)),
      finally: [LIST, "conntrack -L expect"],
    }),
    onRouter({
      name: "over TCP, a second message whose body is cut off has the growth of the first forgotten",
      setup: [SNAT, TCP],
      steps: [
        ...handshake(PHONE, OUTSIDE, PROXY),
        ...((): PacketStep[] => {
          const request = invite(PHONE, description("192.168.1.9", AUDIO)).replace("SIP/2.0/UDP", "SIP/2.0/TCP");
          const both = request + request.slice(0, -20);
          return [
            fromLan.text(PHONE, PROXY, { seq: 1001, ack: 9001 }, both),
            fromLan.text(PHONE, PROXY, { seq: 1001 + both.length, ack: 9001 }, "\r\n"),
          ];
        })(),
      ],
    }),
    onRouter({
      name: "no helper of another port's name, and none of H.323's or SNMP's protocols for TCP and UDP the other way round",
      steps: [
        { run: "iptables-legacy -t raw -A PREROUTING -p udp -j CT --helper sip-5061" },
        { run: "iptables-legacy -t raw -A PREROUTING -p sctp -j CT --helper sip" },
        { run: "ip6tables-legacy -t raw -A PREROUTING -p udp -j CT --helper sip" },
        { run: "ip6tables-legacy -t raw -A PREROUTING -p tcp -j CT --helper irc" },
        { run: "ip6tables-legacy -t raw -A PREROUTING -p tcp -j CT --helper pptp" },
        { run: "ip6tables-legacy -t raw -A PREROUTING -p udp -j CT --helper netbios-ns" },
        { run: "ip6tables-legacy -t raw -S PREROUTING" },
      ],
      finally: [],
    }),
    onRouter({
      name: "errors about an expected connection under SNAT, from both sides, and an error about an error",
      setup: [
        SNAT,
        "iptables-legacy -t raw -A PREROUTING -p udp --dport 69 -j CT --helper tftp",
        "iptables-legacy -A FORWARD -m conntrack --ctstate RELATED",
        "iptables-legacy -A FORWARD -m conntrack --ctstate INVALID",
      ],
      steps: [
        said("192.168.1.9:2000", "198.51.100.9:69", "\0\u0001file\0octet\0"),
        heard("198.51.100.9:3000", "198.51.100.1:2000", "\0\u0003\0\u0001data"),
        lan(unreachable("192.168.1.9", "198.51.100.9", datagram("198.51.100.9:3000", "192.168.1.9:2000", "\0\u0003"))),
        lan(unreachable("192.168.1.77", "198.51.100.9", udpLine("198.51.100.9:3000", "192.168.1.9:2000"), 28)),
        said("192.168.1.9:2000", "198.51.100.9:3000", "\0\u0004\0\u0001"),
        wan(unreachable("203.0.113.7", "198.51.100.1", datagram("198.51.100.1:2000", "198.51.100.9:3000", "\0\u0004"))),
        wan(unreachable("198.51.100.9", "198.51.100.1", udpLine("198.51.100.1:2000", "198.51.100.9:3000"), 28)),
        wan(
          unreachable(
            "198.51.100.9",
            "198.51.100.1",
            unreachable("198.51.100.1", "198.51.100.9", udpLine("198.51.100.9:3000", "198.51.100.1:2000"), 28),
          ),
        ),
      ],
    }),
    onRouter({
      name: "errors about a call's media and its signalling under SNAT",
      setup: [SNAT, UDP, ...RELATED],
      steps: [
        said(PHONE, PROXY, invite(PHONE, description("192.168.1.9", AUDIO))),
        heard("198.51.100.9:6000", "198.51.100.1:4000", "rtp"),
        lan(unreachable("192.168.1.9", "198.51.100.9", datagram("198.51.100.9:6000", "192.168.1.9:4000", "rtp"))),
        said("192.168.1.9:4000", "198.51.100.9:6000", "rtp"),
        wan(unreachable("203.0.113.7", "198.51.100.1", datagram("198.51.100.1:4000", "198.51.100.9:6000", "rtp"))),
        wan(unreachable("198.51.100.9", "198.51.100.1", datagram(OUTSIDE, PROXY, invite(OUTSIDE, "")))),
        heard(PROXY, OUTSIDE, invited(180, "")),
        lan(unreachable("192.168.1.9", "198.51.100.9", datagram(PROXY, PHONE, invited(180, "")))),
      ],
    }),
  ],
};
