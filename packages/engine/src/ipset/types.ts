/**
 * The types of sets that Debian's ipset 7.17 documents and Linux 6.18 of the referee has, one line each. Models the
 * `struct ip_set_type`s of net/netfilter/ipset.
 */

/** What one dimension of an element is. */
export type Dimension = "ip" | "net" | "port" | "iface" | "mac" | "set";

/** Bytes of an empty set and of an element, as the kernel counts them on a 64-bit machine. */
type Memory = readonly [empty: number, each: number];

/** A kind of set. Models `struct ip_set_type`. */
export interface SetType {
  readonly name: string;
  /** The newest revision that Linux 6.18 and ipset 7.17 agree on. */
  readonly revision: number;
  readonly dimensions: readonly Dimension[];
  readonly storage: "hash" | "bitmap" | "list";
  readonly memory: { readonly inet: Memory; readonly inet6: Memory };
  /**
   * Whether addresses may be masked before they are stored; such a mask is listed among the first words or the last.
   */
  readonly masks?: "first" | "last";
}

const hash = (
  name: string,
  revision: number,
  dimensions: readonly Dimension[],
  inet: Memory,
  inet6: Memory,
  masks?: SetType["masks"],
): SetType => ({ name, revision, dimensions, storage: "hash", memory: { inet, inet6 }, ...(masks && { masks }) });

const other = (
  name: string,
  storage: "bitmap" | "list",
  dimensions: readonly Dimension[],
  memory: Memory,
): SetType => ({ name, revision: 3, dimensions, storage, memory: { inet: memory, inet6: memory } });

/** All types there are. */
export const SET_TYPES: readonly SetType[] = [
  hash("hash:ip", 6, ["ip"], [216, 40], [224, 64], "first"),
  hash("hash:net", 7, ["net"], [456, 48], [1240, 72]),
  hash("hash:ip,port", 7, ["ip", "port"], [216, 48], [232, 72], "last"),
  hash("hash:net,port", 8, ["net", "port"], [456, 48], [1240, 72]),
  hash("hash:net,iface", 8, ["net", "iface"], [488, 88], [1264, 112]),
  hash("hash:ip,port,ip", 6, ["ip", "port", "ip"], [208, 56], [232, 104]),
  hash("hash:ip,port,net", 8, ["ip", "port", "net"], [464, 56], [1256, 104]),
  other("bitmap:ip", "bitmap", ["ip"], [88, 0]),
  other("bitmap:port", "bitmap", ["port"], [72, 0]),
  other("bitmap:ip,mac", "bitmap", ["ip", "mac"], [112, 8]),
  other("list:set", "list", ["set"], [80, 48]),
];
