/**
 * The hash table that holds both tuples of every confirmed entry. Chains are linked through the entries' own words; a
 * node is twice the entry's handle plus the direction, 0 ends a chain. The kernel's has its full size,
 * `nf_conntrack_buckets`, from the start; this one grows when it is full: fewer chains than that while there are few
 * entries, so that several of the kernel's stand in one, and more of them when there are very many, so that each of the
 * kernel's is parted. What the kernel says of a chain ({@link chainLength}, {@link firstPart}) is about those of the
 * full size. Models `nf_conntrack_hash`, net/netfilter/nf_conntrack_core.c.
 */
import { E_HASH, E_NEXT, ENTRY_SHIFT, type EntrySlab } from "./entry.js";

const INITIAL_BUCKETS = 64;
/**
 * The smaller of the sizes that a kernel of today gives itself (`nf_conntrack_init_start()`). In a table of such a size
 * nobody can tell who shares a chain, for the seed is random, and its chains may be parted. In a smaller one, which an
 * administrator asked for, a lookup meets all that the kernel's would, and collects who of them is expired.
 */
const MIN_PARTED_SIZE = 65_536;
/** Of so many parts a chain may come to be. */
const MAX_PARTS = 8;

export class TupleTable {
  readonly #slab: EntrySlab;
  /** First node of each chain. */
  heads: Int32Array = new Int32Array(INITIAL_BUCKETS);
  /** Greatest number of buckets, as tools see it. Models `nf_conntrack_htable_size`. */
  buckets = 262144;
  /** The same rounded up to a power of two: the full size. */
  limit: number = this.buckets;
  #nodes = 0;

  constructor(slab: EntrySlab) {
    this.#slab = slab;
  }

  /** The chain a hash belongs to. */
  bucketOf(hash: number): number {
    return hash & (this.heads.length - 1);
  }

  /** The node after one in its chain. */
  next(node: number): number {
    return this.#slab.words[((node >>> 1) << ENTRY_SHIFT) + E_NEXT + (node & 1)];
  }

  /** The chain in which a node would be in a table of its full size. */
  fullSizeChainOf(node: number): number {
    return this.#slab.words[((node >>> 1) << ENTRY_SHIFT) + E_HASH + (node & 1)] & (this.limit - 1);
  }

  /**
   * The buckets in which the nodes of a chain of the full size stand, among others where there are fewer buckets: this
   * one, and each that is {@link limit} further.
   */
  firstPart(chain: number): number {
    return chain & (Math.min(this.heads.length, this.limit) - 1);
  }

  /** How many nodes the chain of a hash would have in a table of its full size. */
  chainLength(hash: number): number {
    const { heads, limit } = this;
    const chain = hash & (limit - 1);
    let length = 0;
    for (let bucket = this.firstPart(chain); bucket < heads.length; bucket += limit)
      for (let node = heads[bucket]; node !== 0; node = this.next(node))
        if (this.fullSizeChainOf(node) === chain) length++;
    return length;
  }

  /** The next node in a node's chain that outlives its entry: both tuples of an entry may stand in the same chain. */
  nextOfAnother(node: number): number {
    let next = this.next(node);
    while (next !== 0 && next >>> 1 === node >>> 1) next = this.next(next);
    return next;
  }

  /** Puts a tuple at the head of its chain; its hash is in the entry. */
  insert(node: number): void {
    if (++this.#nodes > this.heads.length && this.heads.length < this.#greatest) this.#resize(this.#grown());
    this.#link(node);
  }

  /** The greatest number of its own chains. */
  get #greatest(): number {
    return this.limit < MIN_PARTED_SIZE ? this.limit : this.limit * MAX_PARTS;
  }

  /** How many buckets come next: each growth looks at all entries, and few growths at fewer. */
  #grown(): number {
    return Math.min(this.heads.length * (this.heads.length === INITIAL_BUCKETS ? 2 : 4), this.#greatest);
  }

  /** Takes a tuple out. Returns whether it was there. */
  remove(node: number): boolean {
    const words = this.#slab.words;
    const base = (node >>> 1) << ENTRY_SHIFT;
    const bucket = this.bucketOf(words[base + E_HASH + (node & 1)]);
    const after = words[base + E_NEXT + (node & 1)];
    let at = this.heads[bucket];
    if (at === node) {
      this.heads[bucket] = after;
      this.#nodes--;
      return true;
    }
    while (at !== 0) {
      const slot = ((at >>> 1) << ENTRY_SHIFT) + E_NEXT + (at & 1);
      at = words[slot];
      if (at === node) {
        words[slot] = after;
        this.#nodes--;
        return true;
      }
    }
    return false;
  }

  /** Sets the greatest number of buckets, and shrinks to it. */
  setLimit(buckets: number): void {
    this.buckets = buckets;
    let limit = 1;
    while (limit < buckets) limit *= 2;
    this.limit = limit;
    if (this.heads.length > this.#greatest) this.#resize(this.#greatest);
  }

  #link(node: number): void {
    const words = this.#slab.words;
    const base = (node >>> 1) << ENTRY_SHIFT;
    const bucket = words[base + E_HASH + (node & 1)] & (this.heads.length - 1);
    words[base + E_NEXT + (node & 1)] = this.heads[bucket];
    this.heads[bucket] = node;
  }

  /** Chains keep their order: of a tuple that is its own answer's, the one that was put in last is found. */
  #resize(buckets: number): void {
    const words = this.#slab.words;
    const old = this.heads;
    this.heads = new Int32Array(buckets);
    const tails = new Int32Array(buckets);
    for (let bucket = 0; bucket < old.length; bucket++) {
      let node = old[bucket];
      while (node !== 0) {
        const after = this.next(node);
        const base = (node >>> 1) << ENTRY_SHIFT;
        words[base + E_NEXT + (node & 1)] = 0;
        const into = this.bucketOf(words[base + E_HASH + (node & 1)]);
        const tail = tails[into];
        if (tail === 0) this.heads[into] = node;
        else words[((tail >>> 1) << ENTRY_SHIFT) + E_NEXT + (tail & 1)] = node;
        tails[into] = node;
        node = after;
      }
    }
  }
}
