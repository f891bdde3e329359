/** The hash table against a plain Set, through random insertions, removals and resizing. */
import { array, assert, integer, property, record } from "fast-check";
import { describe, expect, it } from "vitest";
import { SeededRandom } from "../random.js";
import { E_HASH, ENTRY_SHIFT, EntrySlab } from "./entry.js";
import { TupleTable } from "./table.js";

function contents(table: TupleTable): number[] {
  const nodes: number[] = [];
  table.heads.forEach((head, bucket) => {
    for (let node = head; node !== 0; node = table.next(node)) {
      nodes.push(node);
      expect(bucket).toBeLessThan(table.heads.length);
    }
  });
  return nodes.sort((a, b) => a - b);
}

describe("the table", () => {
  it("holds what was put in and not taken out, in the chain its hash says, whatever its size", () => {
    const operation = record({
      insert: integer({ min: 0, max: 3 }),
      which: integer({ min: 0, max: 1000 }),
      hash: integer(),
    });
    assert(
      property(array(operation, { maxLength: 400 }), integer({ min: 1, max: 512 }), (operations, limit) => {
        const slab = new EntrySlab();
        const table = new TupleTable(slab);
        table.setLimit(limit);
        const model: number[] = [];
        for (const { insert, which, hash } of operations) {
          if (insert > 0) {
            const entry = slab.allocate();
            for (const direction of [0, 1]) {
              slab.words[(entry << ENTRY_SHIFT) + E_HASH + direction] = hash + direction;
              table.insert(entry * 2 + direction);
              model.push(entry * 2 + direction);
            }
          } else if (model.length > 0) {
            const [node] = model.splice(which % model.length, 1);
            expect(table.remove(node)).toBe(true);
            expect(table.remove(node)).toBe(false);
          }
        }
        expect(contents(table)).toEqual(model.sort((a, b) => a - b));
        for (const node of model) {
          let at = table.heads[table.bucketOf(slab.words[((node >>> 1) << ENTRY_SHIFT) + E_HASH + (node & 1)])];
          while (at !== 0 && at !== node) at = table.next(at);
          expect(at).toBe(node);
        }
      }),
      { numRuns: 60 },
    );
  });

  it("finds what was put in last first, also after it has grown", () => {
    const slab = new EntrySlab();
    const table = new TupleTable(slab);
    table.setLimit(4096);
    const nodes = Array.from({ length: 100 }, (_, index) => {
      const node = slab.allocate() * 2;
      slab.words[((node >>> 1) << ENTRY_SHIFT) + E_HASH] = index < 3 ? 7 : index * 1000;
      table.insert(node);
      return node;
    });
    const chain: number[] = [];
    for (let at = table.heads[table.bucketOf(7)]; at !== 0; at = table.next(at)) chain.push(at);
    expect(table.heads.length).toBeGreaterThan(64);
    expect(chain.filter((node) => nodes.indexOf(node) < 3)).toEqual([nodes[2], nodes[1], nodes[0]]);
  });

  it("counts chains of the full size: while they share buckets, when each has one, and when each is parted", () => {
    const slab = new EntrySlab();
    const table = new TupleTable(slab);
    table.setLimit(65_536);
    const random = new SeededRandom(7);
    const hashes: number[] = [];
    const chain = (hash: number, size: number): number => hash & (size - 1);
    const expectCounted = (size: number): void => {
      const counts = new Map<number, number>();
      for (const hash of hashes) counts.set(chain(hash, size), (counts.get(chain(hash, size)) ?? 0) + 1);
      for (const hash of [...hashes.slice(0, 200), ...hashes.slice(-200)])
        expect(table.chainLength(hash)).toBe(counts.get(chain(hash, size)));
    };
    const buckets: number[] = [];
    for (const count of [1000, 60_000, 200_000]) {
      while (hashes.length < count) {
        const node = slab.allocate() * 2;
        // Some that are in one chain of the full size and of many parts.
        const hash = hashes.length % 100 === 0 ? (random.u32() & ~0xffff) | 5 : random.u32() | 0;
        slab.words[((node >>> 1) << ENTRY_SHIFT) + E_HASH] = hash;
        hashes.push(hash);
        table.insert(node);
      }
      buckets.push(table.heads.length);
      expectCounted(65_536);
    }
    expect(buckets).toEqual([2048, 131_072, 524_288]);
    expect(contents(table)).toHaveLength(200_000);
    // A size that somebody asked for has as many chains and no more.
    table.setLimit(1024);
    expect(table.heads.length).toBe(1024);
    expectCounted(1024);
  });

  it("gives freed entries out again, zeroed", () => {
    const slab = new EntrySlab();
    const first = slab.allocate();
    slab.words.fill(7, first << ENTRY_SHIFT, (first + 1) << ENTRY_SHIFT);
    slab.free(first);
    expect(slab.allocate()).toBe(first);
    expect(slab.words.subarray(first << ENTRY_SHIFT, (first + 1) << ENTRY_SHIFT).every((word) => word === 0)).toBe(
      true,
    );
  });
});
