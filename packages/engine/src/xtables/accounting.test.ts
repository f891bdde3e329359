import { expect, test } from "vitest";
import { AccountingObject, type AccountingQuota } from "./accounting.js";

test.each<[AccountingQuota | null, readonly number[], readonly boolean[], boolean]>([
  [null, [84, 84], [true, true], false],
  [{ unit: "packet", limit: 2n }, [84, 84, 84], [false, false, true], true],
  [{ unit: "packet", limit: 3n }, [84, 84], [false, false], false],
  [{ unit: "byte", limit: 168n }, [84, 84, 1], [false, false, true], true],
  [{ unit: "byte", limit: 169n }, [84, 84], [false, false], false],
  [{ unit: "byte", limit: 0n }, [20], [true], true],
  [{ unit: "byte", limit: 2n ** 64n - 1n }, [20], [false], false],
])("with quota %o, packets of %j match %j", (quota, lengths, matches, overQuota) => {
  const object = new AccountingObject("x", quota, 0, 0);
  expect(lengths.map((length) => object.count(length))).toEqual(matches);
  expect(object.overQuota).toBe(overQuota);
  object.reset();
  expect([object.packets, object.bytes, object.overQuota]).toEqual([0, 0, false]);
});
