/** A TCP connection in which both sides say lines of text, some of which a helper rewrites on their way. */
import type { Choice } from "../../choice.js";
import { ACK, FIN, PSH, RST, SYN, type TcpFields, tcp, type UdpFields, udp } from "../../packets.js";
import { tcp6, udp6 } from "../../packets6.js";
import type { PacketStep } from "../../scenario.js";
import { MSS, SACK_PERMITTED, sack, tcpOptions, windowScale } from "../conversation.js";
import { lan, wan } from "../router.js";

export type Side = "client" | "server";

/** Where the two ends are, each as itself and as the other sees it, and by which device its packets come. */
export interface SaidEnds {
  readonly client: string;
  readonly clientSeen: string;
  readonly clientPort: number;
  readonly server: string;
  readonly serverSeen: string;
  readonly serverPort: number;
  /** Whether the client is behind lan0, the server behind wan0. */
  readonly outward: boolean;
}

/** Latin letters as bytes. */
export function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(text, (letter) => letter.charCodeAt(0));
}

/** An address of IPv6 in brackets, where a port follows. */
export function bracketed(address: string): string {
  return address.includes(":") ? `[${address}]` : address;
}

/** Who sends to whom; the identification is IPv4's alone. */
interface Addressed {
  readonly src: string;
  readonly dst: string;
  readonly id: number;
}

/** A segment in a packet of its addresses' family. */
export function tcpOver(ip: Addressed, fields: TcpFields): Uint8Array {
  return ip.src.includes(":") ? tcp6({ src: ip.src, dst: ip.dst }, fields) : tcp(ip, fields);
}

/** The same of a datagram, which in IPv6 has a checksum always. */
export function udpOver(ip: Addressed, fields: UdpFields): Uint8Array {
  return ip.src.includes(":") ? udp6({ src: ip.src, dst: ip.dst }, fields) : udp(ip, fields);
}

const other = (side: Side): Side => (side === "client" ? "server" : "client");

export class Said {
  readonly steps: PacketStep[] = [];
  readonly ends: SaidEnds;
  readonly #choice: Choice;
  /** What each side has sent, and how many bytes the router added to it, as far as the one who makes this can guess. */
  readonly #seq: Record<Side, number>;
  readonly #added: Record<Side, number> = { client: 0, server: 0 };

  constructor(choice: Choice, ends: SaidEnds) {
    this.ends = ends;
    this.#choice = choice;
    this.#seq = choice.oneIn(6) ? { client: 0xffff_fff0, server: 0x7fff_fff0 } : { client: 1000, server: 9000 };
  }

  #packet(side: Side, fields: TcpFields): PacketStep {
    const { ends } = this;
    const ip =
      side === "client"
        ? { src: ends.client, dst: ends.serverSeen, id: this.steps.length + 1 }
        : { src: ends.server, dst: ends.clientSeen, id: this.steps.length + 1 };
    return (side === "client") === ends.outward ? lan(tcpOver(ip, fields)) : wan(tcpOver(ip, fields));
  }

  /** A segment at its side's present number, acknowledging what seems to have come. */
  segment(side: Side, flags: number, text = "", fields: Partial<TcpFields> = {}): void {
    const { clientPort, serverPort } = this.ends;
    const payload = bytesOf(text);
    this.steps.push(
      this.#packet(side, {
        sport: side === "client" ? clientPort : serverPort,
        dport: side === "client" ? serverPort : clientPort,
        seq: this.#seq[side],
        ack: flags & ACK ? this.#seq[other(side)] + this.#added[other(side)] : 0,
        flags,
        payload,
        ...fields,
      }),
    );
    if (fields.seq === undefined)
      this.#seq[side] = (this.#seq[side] + payload.length + (flags & (SYN | FIN) ? 1 : 0)) >>> 0;
  }

  handshake(): void {
    const options = tcpOptions(MSS, ...(this.#choice.oneIn(2) ? [SACK_PERMITTED] : []), windowScale(7));
    this.segment("client", SYN, "", { options });
    this.segment("server", SYN | ACK, "", { options });
    this.segment("client", ACK);
  }

  /** Says a line, which the router makes `added` bytes longer; cut, repeated, or answered by SACK now and then. */
  line(side: Side, text: string, added = 0): void {
    const choice = this.#choice;
    const from = this.#seq[side];
    if (choice.oneIn(10) && text.length > 2) {
      const at = choice.between(1, text.length - 1);
      this.segment(side, PSH | ACK, text.slice(0, at));
      this.segment(side, PSH | ACK, text.slice(at));
    } else this.segment(side, PSH | ACK, text);
    if (choice.oneIn(8)) this.segment(side, PSH | ACK, text, { seq: from });
    if (choice.oneIn(12)) return;
    this.#added[side] += added;
    if (choice.oneIn(3)) {
      const right = this.#seq[side] + this.#added[side];
      const blocks = choice.oneIn(3) ? { options: tcpOptions([1, 1], sack([right - 5, right])) } : {};
      this.segment(other(side), ACK, "", { ...blocks, ...(choice.oneIn(6) ? { ack: from } : {}) });
    }
    if (choice.oneIn(10)) this.segment(side, PSH | ACK, text, { seq: from });
  }

  close(): void {
    if (this.#choice.oneIn(4)) this.segment(this.#choice.pick(["client", "server"]), RST | ACK);
    else {
      this.segment("client", FIN | ACK);
      this.segment("server", FIN | ACK);
      this.segment("client", ACK);
    }
  }
}
