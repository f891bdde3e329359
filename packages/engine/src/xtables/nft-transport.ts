/**
 * What iptables-nft makes of ports and TCP flags: instructions of nf_tables that load bytes of the transport header and
 * compare them. Unlike the kernel's xt_tcpudp they do not ask whether the header is whole, nor whether it is there: of
 * a later fragment they read what stands in its place. Models nft_payload_fast_eval(), net/netfilter/nf_tables_core.c.
 */
import { get16 } from "../wire/bytes.js";
import type { Match, XtActionParam } from "./extension.js";
import type { OptionValues, Range } from "./options.js";
import { ALL_PORTS, asksPort } from "./ports.js";

/** Ports of one side, in or out of a range. */
export interface PortTest {
  readonly range: Range;
  readonly inverted: boolean;
}

/** TCP flags: of those in `mask` exactly those in `comp` are set, or not so. */
export interface FlagsTest {
  readonly mask: number;
  readonly comp: number;
  readonly inverted: boolean;
}

/** The option of this id as a test of ports; every port where none is asked for. */
export function portTest(values: OptionValues, id: string): PortTest {
  return { range: values.get<Range>(id) ?? ALL_PORTS, inverted: values.inverted(id) };
}

/**
 * Ports as the tool reads them back: all but those up to a port are one comparison with it, which reads as the range
 * above. Above the last port there is none, and the tool takes that for every port.
 */
export function readBack({ range, inverted }: PortTest): PortTest {
  if (!inverted || range.min !== 0 || range.max === 0) return { range, inverted };
  return { range: { min: (range.max + 1) & 0xffff, max: 65535 }, inverted: false };
}

/** Whether bytes at a place are ports that pass; bytes that are not there do not. */
function passes({ range, inverted }: PortTest, data: Uint8Array, at: number, end: number): boolean {
  if (at + 2 > end) return false;
  const port = get16(data, at);
  return (port >= range.min && port <= range.max) !== inverted;
}

/** Tests by loaded bytes, printed by another match, which is made of what the tool reads back. */
export class NftTransportMatch implements Match {
  readonly name: string;
  readonly unlisted: boolean;
  readonly nativeInNft = true;
  readonly #shown: Match;
  readonly #sports: PortTest | null;
  readonly #dports: PortTest | null;
  readonly #flags: FlagsTest | null;

  constructor(shown: Match, values: OptionValues, flags: FlagsTest | null) {
    this.name = shown.name;
    this.#shown = shown;
    this.#sports = asksPort(values, "sport") ? portTest(values, "sport") : null;
    this.#dports = asksPort(values, "dport") ? portTest(values, "dport") : null;
    this.#flags = flags;
    this.unlisted = shown.save() === "";
  }

  match(par: XtActionParam): boolean {
    const { data, len } = par.skb;
    const at = par.thoff;
    if (this.#sports !== null && !passes(this.#sports, data, at, len)) return false;
    if (this.#dports !== null && !passes(this.#dports, data, at + 2, len)) return false;
    const flags = this.#flags;
    if (flags === null) return true;
    return at + 14 <= len && ((data[at + 13] & flags.mask) === flags.comp) !== flags.inverted;
  }

  save(): string {
    return this.#shown.save();
  }

  print(numeric: boolean): string {
    return this.unlisted ? "" : this.#shown.print(numeric);
  }
}
