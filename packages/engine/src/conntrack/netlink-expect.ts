/**
 * Expectations made, fetched and deleted by a tool. One belongs to a connection that has a helper, whose policy alone
 * says how long it lives. Models net/netfilter/nf_conntrack_netlink.c.
 */
import { EALREADY, EBUSY, EEXIST, EMFILE, ENOENT, EOPNOTSUPP, ESHUTDOWN, SystemError } from "../errno.js";
import type { Conntrack } from "./conntrack.js";
import { Expectation, type ExpectationSnapshot, type ExpectRefusal } from "./expect.js";
import { EMPTY_MESSAGE, getConntrack } from "./netlink.js";
import { copyTuple, TUPLE_PORTS, TUPLE_SRC } from "./tuple.js";

const REFUSALS: Readonly<Record<ExpectRefusal, number>> = {
  ESHUTDOWN,
  EALREADY,
  EBUSY,
  EMFILE,
};

/** Who is expected, and by whom: tuples as tuple.ts has them. */
export interface NewExpectation {
  readonly tuple: Int32Array;
  /** Ones where the source of the tuple counts; its destination always does. */
  readonly mask: Int32Array;
  /** The original tuple of a connection. */
  readonly master: Int32Array;
}

/** Makes an expectation. Throws {@link SystemError}. Models `ctnetlink_new_expect()` with NLM_F_EXCL. */
export function newExpectation(ct: Conntrack, { tuple, mask, master }: NewExpectation): void {
  const { helpers } = ct;
  if (helpers.expectations.find(tuple, 0) !== null) throw new SystemError(EEXIST);
  const entry = getConntrack(ct, { ...EMPTY_MESSAGE, original: master });
  const helper = helpers.helpOf(entry)?.helper ?? null;
  if (helper === null) throw new SystemError(EOPNOTSUPP);
  const expectation = new Expectation(entry, 0, helper);
  copyTuple(tuple, 0, expectation.tuple, 0);
  for (let word = 0; word < 4; word++) expectation.mask[TUPLE_SRC + word] = mask[TUPLE_SRC + word];
  expectation.mask[TUPLE_PORTS] = (mask[TUPLE_PORTS] & 0xffff0000) | 0xffff;
  const refusal = helpers.expectations.related(expectation);
  if (refusal !== null) throw new SystemError(REFUSALS[refusal]);
}

function expectationOf(ct: Conntrack, tuple: Int32Array): Expectation {
  const found = ct.helpers.expectations.find(tuple, 0);
  if (found === null) throw new SystemError(ENOENT);
  return found;
}

/** The expectation that a tuple fits. Throws {@link SystemError}. Models `ctnetlink_get_expect()`. */
export function getExpectation(ct: Conntrack, tuple: Int32Array): ExpectationSnapshot {
  return ct.helpers.expectations.snapshot(expectationOf(ct, tuple));
}

/** Deletes the expectation that a tuple fits. Throws {@link SystemError}. Models `ctnetlink_del_expect()`. */
export function deleteExpectation(ct: Conntrack, tuple: Int32Array): void {
  ct.helpers.expectations.unlink(expectationOf(ct, tuple));
}
