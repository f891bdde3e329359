/**
 * Packets and filters that the lab's tcpdump and the real one are both given: each packet printed in every manner, each
 * filter asked about each packet. Bytes are made here, wrong ones with care.
 */
import { checksumFold, checksumPartial, parseIPv4, pseudoHeaderSum } from "@netfilter-lab/engine";

const u16 = (value: number): number[] => [(value >> 8) & 255, value & 255];
const u32 = (value: number): number[] => [...u16(value >>> 16), ...u16(value & 0xffff)];
const text = (value: string): number[] => [...value].map((c) => c.charCodeAt(0));

const CLIENT = parseIPv4("192.168.2.55");
const SERVER = parseIPv4("217.254.1.76");
const GATEWAY = parseIPv4("192.168.2.1");

interface IpFields {
  readonly src?: number;
  readonly dst?: number;
  readonly tos?: number;
  readonly id?: number;
  /** Flags and offset as they stand in the header. */
  readonly fragment?: number;
  readonly ttl?: number;
  readonly options?: readonly number[];
  /** Added to what is right. */
  readonly checksumError?: number;
  readonly totalLength?: number;
}

function ip(protocol: number, payload: readonly number[], fields: IpFields = {}): Uint8Array {
  const options = fields.options ?? [];
  const headerLength = 20 + options.length;
  const header = Uint8Array.from([
    0x40 | (headerLength / 4),
    fields.tos ?? 0,
    ...u16(fields.totalLength ?? headerLength + payload.length),
    ...u16(fields.id ?? 4711),
    ...u16(fields.fragment ?? 0x4000),
    fields.ttl ?? 64,
    protocol,
    0,
    0,
    ...u32(fields.src ?? CLIENT),
    ...u32(fields.dst ?? SERVER),
    ...options,
  ]);
  const sum = (checksumFold(checksumPartial(header, 0, header.length)) + (fields.checksumError ?? 0)) & 0xffff;
  header.set(u16(sum), 10);
  return Uint8Array.from([...header, ...payload]);
}

function withChecksum(protocol: number, data: number[], at: number, fields: IpFields): number[] {
  const bytes = Uint8Array.from(data);
  const pseudo =
    protocol === 1 ? 0 : pseudoHeaderSum(fields.src ?? CLIENT, fields.dst ?? SERVER, protocol, bytes.length);
  bytes.set(u16(checksumFold(checksumPartial(bytes, 0, bytes.length, pseudo))), at);
  return [...bytes];
}

interface TcpFields extends IpFields {
  readonly sport?: number;
  readonly dport?: number;
  readonly seq?: number;
  readonly ack?: number;
  readonly window?: number;
  readonly urgent?: number;
  readonly tcpOptions?: readonly number[];
  readonly data?: string;
  /** Header length in words, when it is to be wrong. */
  readonly words?: number;
}

function tcp(flags: number, fields: TcpFields = {}): Uint8Array {
  const options = fields.tcpOptions ?? [];
  const data = [
    ...u16(fields.sport ?? 50798),
    ...u16(fields.dport ?? 443),
    ...u32(fields.seq ?? 0),
    ...u32(fields.ack ?? 0),
    (fields.words ?? 5 + options.length / 4) << 4,
    flags,
    ...u16(fields.window ?? 64240),
    0,
    0,
    ...u16(fields.urgent ?? 0),
    ...options,
    ...text(fields.data ?? ""),
  ];
  return ip(6, withChecksum(6, data, 16, fields), fields);
}

function udp(sport: number, dport: number, data: string, fields: IpFields & { length?: number } = {}): Uint8Array {
  const payload = text(data);
  const header = [...u16(sport), ...u16(dport), ...u16(fields.length ?? 8 + payload.length), 0, 0];
  return ip(17, withChecksum(17, [...header, ...payload], 6, fields), fields);
}

function icmp(type: number, code: number, rest: readonly number[], fields: IpFields = {}): Uint8Array {
  return ip(1, withChecksum(1, [type, code, 0, 0, ...rest], 2, fields), fields);
}

const FIN = 1;
const SYN = 2;
const RST = 4;
const PSH = 8;
const ACK = 16;
const URG = 32;

const back = { src: SERVER, dst: CLIENT, sport: 443, dport: 50798, ttl: 63 };
const synOptions = [2, 4, 5, 180, 4, 2, 8, 10, ...u32(1000), ...u32(0), 1, 3, 3, 7];
const stamps = [1, 1, 8, 10, ...u32(1001), ...u32(2001)];

const inside = (packet: Uint8Array): number[] => [...packet];
const cut = (packet: Uint8Array, length: number): Uint8Array => packet.subarray(0, length);
const damaged = (packet: Uint8Array, at: number): Uint8Array => {
  const copy = packet.slice();
  copy[at] ^= 0x55;
  return copy;
};

const echo = [...u16(77), ...u16(1), ...Array.from({ length: 16 }, (_, i) => i)];
const innerUdp = inside(udp(4000, 5000, "hi"));
const innerTcp = inside(tcp(SYN, { seq: 5 }));
const innerIcmp = inside(icmp(8, 0, echo));

/** IP packets. */
export const packets: readonly Uint8Array[] = [
  // A connection: handshake, data both ways, both FINs.
  tcp(SYN, { seq: 1000000, tcpOptions: synOptions }),
  tcp(SYN | ACK, { ...back, seq: 2000000, ack: 1000001, tcpOptions: synOptions }),
  tcp(ACK, { seq: 1000001, ack: 2000001, tcpOptions: stamps }),
  tcp(PSH | ACK, { seq: 1000001, ack: 2000001, data: "hello\n", tcpOptions: stamps }),
  tcp(ACK, { ...back, seq: 2000001, ack: 1000007, tcpOptions: stamps }),
  tcp(PSH | ACK, { ...back, seq: 2000001, ack: 1000007, data: "welcome\n" }),
  tcp(ACK, { seq: 1000007, ack: 2000009, window: 0 }),
  tcp(FIN | ACK, { seq: 1000007, ack: 2000009 }),
  tcp(FIN | PSH | ACK, { ...back, seq: 2000009, ack: 1000008, data: "bye" }),
  tcp(ACK, { seq: 1000008, ack: 2000013 }),
  // The same ports again.
  tcp(SYN, { seq: 4294967290 }),
  tcp(SYN | ACK, { ...back, seq: 4294967295, ack: 4294967291 }),
  tcp(PSH | ACK, { seq: 4294967291, ack: 0, data: "past the end" }),
  tcp(RST, { seq: 12 }),
  tcp(RST | ACK, { ...back, seq: 0, ack: 7 }),
  // Seen from the middle, and the odd ones.
  tcp(ACK, { sport: 1025, seq: 5000, ack: 6000 }),
  tcp(PSH | ACK, { sport: 1025, seq: 5000, ack: 6000, data: "abc" }),
  tcp(ACK, { ...back, dport: 1025, seq: 6000, ack: 5003 }),
  tcp(0, { sport: 1026, seq: 5 }),
  tcp(0, { sport: 1026, seq: 5, data: "xmas" }),
  tcp(0xff, { sport: 1027, seq: 5, ack: 6, urgent: 7 }),
  tcp(URG | ACK, { sport: 1027, seq: 5, urgent: 7, data: "u" }),
  tcp(SYN | 0xc0, { sport: 1028, seq: 5 }),
  tcp(FIN, { sport: 1029, seq: 9 }),
  tcp(RST, { sport: 1030, seq: 5, data: "why" }),
  tcp(ACK, { sport: 1031, tcpOptions: [1, 1, 5, 10, ...u32(7), ...u32(9)] }),
  tcp(ACK, { sport: 1031, tcpOptions: [1, 1, 5, 18, ...u32(7), ...u32(9), ...u32(11), ...u32(13)] }),
  tcp(SYN, { sport: 1032, tcpOptions: [2, 4, 2, 0, 99, 4, 1, 2] }),
  tcp(SYN, { sport: 1033, tcpOptions: [3, 3, 0, 0] }),
  tcp(SYN, { sport: 1034, tcpOptions: [8, 40, 0, 0] }),
  tcp(SYN, { sport: 1035, tcpOptions: [2, 1, 0, 0] }),
  tcp(SYN, { sport: 1036, tcpOptions: [2, 3, 0, 0] }),
  tcp(SYN, { sport: 1037, words: 4 }),
  tcp(SYN, { sport: 1038, words: 15 }),
  damaged(tcp(SYN, { sport: 1039 }), 30),
  cut(tcp(SYN, { sport: 1040 }), 30),
  cut(tcp(SYN, { sport: 1041 }), 22),
  tcp(PSH | ACK, { dport: 80, seq: 5, data: "GET /index.html HTTP/1.1\r\nHost: example.org\r\n\r\n" }),
  tcp(PSH | ACK, { ...back, sport: 80, seq: 5, data: "HTTP/1.1 200 OK\r\nServer: x\r\n\r\nbody\n" }),
  tcp(PSH | ACK, { dport: 80, seq: 5, data: "hello\n" }),
  tcp(PSH | ACK, { dport: 8080, seq: 5, data: "hello" }),
  tcp(PSH | ACK, { dport: 80, seq: 5, data: "GETTING\n" }),
  tcp(PSH | ACK, { dport: 21, seq: 5, data: "USER anonymous\r\n" }),
  tcp(PSH | ACK, { dport: 25, seq: 5, data: "HELO me\r\n" }),
  tcp(PSH | ACK, { ...back, sport: 25, seq: 5, data: "220 ready\r\n" }),
  tcp(PSH | ACK, { dport: 22, seq: 5, data: "SSH-2.0-x\r\n" }),
  tcp(PSH | ACK, { dport: 22, seq: 5, data: "hello\n" }),
  tcp(PSH | ACK, { dport: 22, seq: 5, data: "\x00\x01binary" }),
  tcp(PSH | ACK, { dport: 80, seq: 5, data: "GET / HTTP/1.0" }),
  tcp(PSH | ACK, { dport: 80, seq: 5, data: "GET /\n\nb\x01\n" }),
  tcp(PSH | ACK, { dport: 25, seq: 5, data: "hello\n" }),
  tcp(PSH | ACK, { dport: 21, seq: 5, data: "12 ab\n" }),
  // UDP.
  udp(4000, 5000, "hi"),
  udp(4000, 5000, ""),
  udp(4000, 5000, "odd", { tos: 0x10 }),
  udp(4000, 9999, "x".repeat(100), { fragment: 0 }),
  damaged(udp(4000, 5000, "bad"), 27),
  ip(17, [...u16(4000), ...u16(5000), ...u16(10), 0, 0, 104, 105]),
  udp(4000, 5000, "short", { length: 10 }),
  udp(4000, 5000, "long", { length: 100 }),
  udp(4000, 5000, "tiny", { length: 3 }),
  udp(4000, 5000, "zero", { length: 0 }),
  cut(udp(4000, 5000, "cut off"), 26),
  cut(udp(4000, 5000, "cut off"), 24),
  // ICMP.
  icmp(8, 0, echo),
  icmp(0, 0, echo, { src: SERVER, dst: CLIENT }),
  damaged(icmp(8, 0, echo), 40),
  icmp(8, 0, echo.slice(0, 4)),
  ...Array.from({ length: 17 }, (_, code) => icmp(3, code, [0, 0, 0, 0, ...innerUdp], { src: GATEWAY, dst: CLIENT })),
  icmp(3, 3, [0, 0, 0, 0, ...innerTcp], { src: SERVER, dst: CLIENT }),
  icmp(3, 3, [0, 0, 0, 0, ...innerIcmp], { src: SERVER, dst: CLIENT }),
  icmp(3, 1, [0, 0, 0, 0, ...innerTcp.slice(0, 28)], { src: SERVER, dst: CLIENT, tos: 0xc0 }),
  icmp(3, 1, [0, 0, 0, 0, ...innerUdp.slice(0, 28)], { src: SERVER, dst: CLIENT, tos: 0xc0 }),
  icmp(3, 4, [0, 0, ...u16(1400), ...innerTcp], { src: GATEWAY, dst: CLIENT }),
  icmp(4, 0, [0, 0, 0, 0, ...innerUdp]),
  icmp(5, 0, [...u32(GATEWAY), ...innerUdp]),
  icmp(5, 1, [...u32(GATEWAY), ...innerUdp]),
  icmp(5, 2, [...u32(GATEWAY), ...innerUdp]),
  icmp(5, 3, [...u32(GATEWAY), ...innerUdp]),
  icmp(11, 0, [0, 0, 0, 0, ...innerIcmp], { src: GATEWAY, dst: CLIENT }),
  icmp(11, 1, [0, 0, 0, 0, ...innerUdp], { src: GATEWAY, dst: CLIENT }),
  icmp(11, 9, [0, 0, 0, 0, ...innerUdp]),
  icmp(12, 0, [20, 0, 0, 0, ...innerUdp]),
  icmp(12, 1, [0, 0, 0, 0, ...innerUdp]),
  icmp(13, 0, [...u16(5), ...u16(6), ...u32(1000), ...u32(0), ...u32(0)]),
  icmp(14, 0, [...u16(5), ...u16(6), ...u32(1000), ...u32(2000), ...u32(3000)]),
  icmp(17, 0, [0, 0, 0, 0, 0, 0, 0, 0]),
  icmp(18, 0, [0, 0, 0, 0, 255, 255, 255, 0]),
  icmp(15, 0, [0, 1, 0, 2]),
  icmp(10, 0, [0, 0, 0, 0]),
  icmp(40, 3, [1, 2, 3, 4, 5, 6]),
  // Fragments.
  ip(17, [...u16(4000), ...u16(5000), ...u16(2008), 0, 0, ...text("x".repeat(24))], { fragment: 0x2000 }),
  ip(17, text("y".repeat(32)), { fragment: 0x2004 }),
  ip(17, text("z".repeat(5)), { fragment: 0x0008 }),
  ip(1, [8, 0, 1, 2, ...echo], { fragment: 0x2000 }),
  ip(1, text("z".repeat(5)), { fragment: 0x0003 }),
  ip(6, text("z".repeat(8)), { fragment: 0x0003 }),
  ip(6, inside(tcp(SYN)).slice(20), { fragment: 0x2000 }),
  // The IP header itself.
  udp(4000, 5000, "ecn", { tos: 1 }),
  udp(4000, 5000, "ecn", { tos: 2 }),
  udp(4000, 5000, "ecn", { tos: 0xbb }),
  udp(4000, 5000, "ttl", { ttl: 0 }),
  udp(4000, 5000, "flags", { fragment: 0x8000, id: 0 }),
  udp(4000, 5000, "flags", { fragment: 0xc000 }),
  udp(4000, 5000, "sum", { checksumError: 3 }),
  udp(4000, 5000, "option", { options: [7, 7, 4, 0, 0, 0, 0, 0] }),
  udp(4000, 5000, "option", { options: [1, 1, 1, 0] }),
  udp(4000, 5000, "router alert", { options: [0x94, 4, 0, 0] }),
  udp(4000, 5000, "length", { totalLength: 200 }),
  udp(4000, 5000, "length", { totalLength: 30 }),
  udp(4000, 5000, "length", { totalLength: 8 }),
  cut(udp(4000, 5000, "cut"), 19),
  // Others.
  ip(253, text("experiment")),
  ip(99, text("private")),
  ip(0, text("hopopt")),
  ip(255, text("raw")),
];

/** How packets are printed; names are never looked up. */
export const printings: readonly (readonly string[])[] = [
  ["-n", "-t"],
  ["-n", "-t", "-q"],
  ["-n", "-t", "-v"],
  ["-n", "-t", "-vv"],
  ["-n", "-t", "-v", "-q"],
  ["-n", "-t", "-e"],
  ["-n", "-t", "-e", "-v"],
  ["-n", "-t", "-S"],
  ["-n", "-t", "-x"],
  ["-n", "-t", "-xx"],
  ["-n", "-t", "-X"],
  ["-n", "-t", "-XX"],
  ["-n", "-t", "-A"],
  ["-n", "-t", "-K", "-v"],
  ["-n"],
  ["-n", "-tt"],
  ["-n", "-ttt"],
  ["-n", "-tttt"],
  ["-n", "-ttttt"],
  ["-n", "-t", "--number"],
  ["-n", "-t", "-#"],
];

/** Capture filters, right and wrong. */
export const filters: readonly string[] = [
  "",
  "ip",
  "tcp",
  "udp",
  "icmp",
  "igmp",
  "arp",
  "ip6",
  "host 2001:db8:1::10",
  "ip6 host 2001:db8:1::10",
  "src 2001:db8:1::10",
  "dst host 2001:db8:1::10",
  "src or dst host fd00:2::55",
  "src and dst net fd00::/16",
  "net 2001:db8::/32",
  "src net ::/0",
  "net fd00:2::",
  "host fd00:2::55 and udp",
  "host fd00:2::55 or 2001:db8:1::10",
  "not net fd00::/8",
  "ip host fd00:2::55",
  "ip6 host 10.0.0.1",
  "udp src fd00:2::55",
  "host fd00::/8",
  "net fd00::1/8",
  "net fd00::/129",
  "net fd00:: mask ffff::",
  "host fd00::zz",
  "fd00::1",
  "not tcp",
  "! udp",
  "tcp or udp",
  "tcp and port 443",
  "host 217.254.1.76",
  "src host 217.254.1.76",
  "src 217.254.1.76",
  "dst 217.254.1.76",
  "src or dst 192.168.2.1",
  "src and dst 192.168.2.1",
  "host 192.168.2.1 or 217.254.1.76",
  "host 192.168.2.1 and not icmp",
  "217.254.1.76",
  "ip host 192.168.2.1",
  "net 192.168.2.0/24",
  "src net 192.168.2",
  "net 192.168",
  "dst net 217",
  "net 192.168.2.0 mask 255.255.255.0",
  "port 443",
  "src port 443",
  "dst port 443",
  "tcp port 80 or 8080",
  "port 80 or port 21",
  "tcp dst port 80",
  "port http",
  "tcp port https",
  "portrange 5000-6000",
  "dst portrange 1-1024",
  "tcp src portrange 1030-1035",
  "udp port 5000 and (src 192.168.2.55 or dst 192.168.2.55)",
  "not (tcp or udp)",
  "not port 22",
  "tcp or udp and port 5000",
  "udp and port 5000 or tcp",
  "ip proto 17",
  "ip proto \\icmp",
  "ip proto \\udp",
  "proto 6",
  "proto \\tcp",
  "ip proto 253",
  "less 60",
  "greater 100",
  "len > 80",
  "len <= 60",
  "tcp[tcpflags] & (tcp-syn) != 0",
  "tcp[tcpflags] & tcp-syn != 0",
  "tcp[tcpflags] & (tcp-syn|tcp-ack) == tcp-syn",
  "tcp[tcpflags] == tcp-syn|tcp-ack",
  "tcp[tcpflags] & (tcp-rst|tcp-fin) != 0",
  "(tcp[tcpflags] & tcp-push) != 0 and dst port 80",
  "tcp[13] & 2 != 0",
  "tcp[13] = 18",
  "tcp[13] == 0x12",
  "tcp[0:2] = 50798",
  "tcp[4:4] > 1000000",
  "icmp[icmptype] = icmp-echo",
  "icmp[icmptype] == icmp-echo or icmp[icmptype] == icmp-echoreply",
  "icmp[icmptype] != icmp-echo and icmp[icmptype] != icmp-echoreply",
  "icmp[0] == 3 and icmp[1] == 4",
  "icmp[icmpcode] = 1",
  "icmp[icmptype] = icmp-unreach",
  "icmp[icmptype] = icmp-timxceed",
  "ip[8] < 64",
  "ip[8] = 0",
  "ip[0] & 0xf != 5",
  "ip[6] & 0x40 != 0",
  "ip[6:2] & 0x1fff != 0",
  "ip[6:2] & 0x3fff != 0",
  "(ip[6] & 0x20 != 0) or (ip[6:2] & 0x1fff != 0)",
  "ip[2:2] > 60",
  "ip[2:2] - ((ip[0]&0xf)<<2) > 40",
  "tcp port 80 and (((ip[2:2] - ((ip[0]&0xf)<<2)) - ((tcp[12]&0xf0)>>2)) != 0)",
  "udp[4:2] > 10",
  "udp[8] = 0x68",
  "ip[9] = 1",
  "tcp[0] + 1 > 4",
  "tcp[2:2] * 2 = 886",
  "tcp[2:2] / 2 = 40",
  "tcp[2:2] % 10 = 3",
  "tcp[13] ^ 2 = 0",
  "1 = 1",
  "ip[0] >> 4 = 4",
  "tcp[tcpflags] & tcp-syn",
  "foo",
  "foo bar",
  "tcp and",
  "tcp and (",
  "(tcp",
  "tcp)",
  "host",
  "port",
  "src",
  "not",
  "port 99999",
  "port nosuchport",
  "host 1.2.3.400",
  "host 1.2.3",
  "net 10.0.0.1/8",
  "net 10.0.0.0/33",
  "net 10.0.0.0 mask 255.0.255.0.1",
  "tcp foo",
  "tcp[",
  "tcp[13",
  "tcp[13]",
  "tcp[13:3] = 1",
  "tcp[13:4] = 1",
  "foo[13] = 1",
  "proto 300",
  "portrange 5",
  "portrange 9-5",
  "portrange a-b",
  "icmp port 5",
  "igmp port 5",
  "tcp host 217.254.1.76",
  "udp net 192.168.2.0/24",
  "tcp portrange 1-100",
  "&& tcp",
  "tcp || ",
  "tcp & udp",
  "tcp = 5",
  "5",
  "10.0.0.0/8",
  "host 10.0.0.0/8",
  "tcp == udp",
];
