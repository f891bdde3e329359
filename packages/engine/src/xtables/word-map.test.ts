import { expect, test } from "vitest";
import { WordMap } from "./word-map.js";

test("keys are told apart by every word, and purged by their values", () => {
  const map = new WordMap<number>(2);
  for (let i = 0; i < 1000; i++) {
    map.key[0] = i % 10;
    map.key[1] = Math.floor(i / 10);
    expect(map.get()).toBeUndefined();
    map.add(i);
  }
  map.key[0] = 3;
  map.key[1] = 7;
  expect([map.get(), map.size]).toEqual([73, 1000]);
  map.purge((value) => value % 2 === 1);
  expect([map.get(), map.size]).toEqual([undefined, 500]);
  map.key[0] = 4;
  expect(map.get()).toBe(74);
});
