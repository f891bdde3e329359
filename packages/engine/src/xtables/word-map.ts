/**
 * A map whose keys are some 32-bit words: addresses of either family, with ports. Looking a key up allocates nothing.
 * The kernel's matches have hash tables and trees of their own for it (xt_hashlimit.c, nf_conncount.c).
 */
interface Node<V> {
  readonly words: Int32Array;
  value: V;
  next: Node<V> | null;
}

export class WordMap<V> {
  /** The key that the methods ask for: filled in before they are called. */
  readonly key: Int32Array;
  readonly #chains = new Map<number, Node<V>>();
  #size = 0;

  constructor(words: number) {
    this.key = new Int32Array(words);
  }

  get size(): number {
    return this.#size;
  }

  #hash(): number {
    const { key } = this;
    let hash = 0;
    for (let i = 0; i < key.length; i++) {
      hash = Math.imul(hash ^ key[i], 0x9e3779b1);
      hash ^= hash >>> 15;
    }
    return hash;
  }

  #same(words: Int32Array): boolean {
    const { key } = this;
    for (let i = 0; i < key.length; i++) if (key[i] !== words[i]) return false;
    return true;
  }

  /** The value of {@link key}. */
  get(): V | undefined {
    for (let node = this.#chains.get(this.#hash()) ?? null; node !== null; node = node.next)
      if (this.#same(node.words)) return node.value;
    return undefined;
  }

  /** Gives {@link key}, which has none, a value. */
  add(value: V): void {
    const hash = this.#hash();
    this.#chains.set(hash, { words: this.key.slice(), value, next: this.#chains.get(hash) ?? null });
    this.#size++;
  }

  /** Forgets the keys whose values are `doomed`. */
  purge(doomed: (value: V) => boolean): void {
    for (const [hash, first] of this.#chains) {
      let kept: Node<V> | null = null;
      for (let node: Node<V> | null = first; node !== null; ) {
        const { next }: Node<V> = node;
        if (doomed(node.value)) this.#size--;
        else {
          node.next = kept;
          kept = node;
        }
        node = next;
      }
      if (kept === null) this.#chains.delete(hash);
      else this.#chains.set(hash, kept);
    }
  }
}
