/**
 * Packets with one thing wrong in a header: lengths, checksums, versions, addresses, and the same with nothing wrong.
 */
import type { Choice } from "../choice.js";
import { ACK, echo, type IpFields, icmp, ipv4, PSH, SYN, type TcpFields, tcp, text, udp } from "../packets.js";
import type { PacketStep } from "../scenario.js";
import { CLIENT, type Kind, lan, OUTSIDE, routed, SERVER, TOOLS, translation, wan } from "./router.js";

/**
 * Protocols that the generic tracker follows on both backends: SCTP, GRE and UDP-Lite have Linux trackers of their own.
 */
const OTHER_PROTOCOLS = [0, 2, 4, 41, 50, 51, 89, 253, 255];

function spoiltIp(choice: Choice, length: number): Partial<IpFields> {
  return choice.pick<() => Partial<IpFields>>([
    () => ({}),
    () => ({ version: choice.pick([0, 3, 5, 6, 15]) }),
    () => ({ ihl: choice.below(16) }),
    () => ({ totalLength: choice.pick([0, 19, 20, 21, 27, 28, length - 1, length + 1, length + 100, 65_535]) }),
    () => ({ checksumError: choice.pick([1, 0x100, 0x8000]) }),
    () => ({ ttl: choice.pick([0, 1, 2]) }),
    () => ({ protocol: choice.pick(OTHER_PROTOCOLS) }),
    () => ({ tos: choice.below(256) }),
    () => ({
      src: choice.pick(["0.0.0.0", "127.0.0.1", "255.255.255.255", "224.0.0.1", "240.0.0.1", "192.168.1.255", OUTSIDE]),
    }),
    () => ({
      dst: choice.pick(["0.0.0.0", "127.0.0.1", "255.255.255.255", "240.0.0.1", "192.168.1.255", "169.254.1.1"]),
    }),
  ])();
}

function spoiltTcp(choice: Choice): Partial<TcpFields> {
  return choice.pick<() => Partial<TcpFields>>([
    () => ({}),
    () => ({ checksumError: 1 }),
    () => ({ dataOffset: choice.below(16) }),
    () => ({ sport: 0 }),
    () => ({ dport: 0 }),
    () => ({ reserved: choice.below(16) }),
    () => ({ flags: choice.below(256) }),
    () => ({ options: Uint8Array.from(choice.bytes(4 * choice.between(1, 10))) }),
  ])();
}

function packet(choice: Choice, src: string, dst: string, ports: readonly [number, number]): Uint8Array {
  const [sport, dport] = ports;
  const protocol = choice.pick(["tcp", "udp", "icmp"] as const);
  const payload = text(choice.pick([0, 1, 8, 9, 100]));
  const length = { tcp: 40, udp: 28, icmp: 28 }[protocol] + payload.length;
  const ip = { src, dst, ...spoiltIp(choice, length) };
  const whole = {
    tcp: () => tcp(ip, { sport, dport, flags: choice.pick([SYN, ACK, PSH | ACK]), payload, ...spoiltTcp(choice) }),
    udp: () =>
      udp(ip, {
        sport,
        dport,
        payload,
        ...choice.pick([
          {},
          { length: choice.pick([0, 7, 8, 9, payload.length + 7, payload.length + 9]) },
          { checksumError: 1 },
          { checksum: "none" as const },
        ]),
      }),
    icmp: () =>
      choice.oneIn(2)
        ? echo(ip, sport, 1, choice.oneIn(3), payload)
        : icmp(ip, { type: choice.below(20), code: choice.below(4), payload, checksumError: choice.pick([0, 1]) }),
  }[protocol]();
  // Less than the header says, or more (a device may pad).
  if (choice.oneIn(8)) return whole.slice(0, choice.between(1, whole.length));
  if (choice.oneIn(12)) return Uint8Array.from([...whole, ...choice.bytes(choice.between(1, 10))]);
  return whole;
}

export const BROKEN_HEADERS: Kind = {
  name: "broken-headers",
  about: "wrong lengths, checksums, versions, TCP options and addresses",
  make(choice) {
    const tool = choice.pick(TOOLS);
    const { setup, outside } = translation(choice, tool);
    const steps = choice.times(
      choice.between(3, 480),
      (): PacketStep =>
        choice.pick<() => PacketStep>([
          () => lan(packet(choice, CLIENT, SERVER, [4000, 53])),
          () => lan(packet(choice, CLIENT, SERVER, [4000, 53])),
          () => wan(packet(choice, SERVER, outside, [53, 4000])),
          () => wan(packet(choice, SERVER, OUTSIDE, [53, 4001])),
          () => lan(udp({ src: CLIENT, dst: SERVER }, { sport: 4000, dport: 53, payload: text(4) })),
          () =>
            lan(
              ipv4(
                { src: CLIENT, dst: SERVER, protocol: choice.pick(OTHER_PROTOCOLS) },
                choice.bytes(choice.below(40)),
              ),
            ),
        ])(),
    );
    return routed(tool, setup, steps);
  },
};
