/**
 * Accounting objects: named counters of packets and bytes, with a quota or without, which `-m nfacct` counts on and
 * nfacct(8) makes, reads and takes away. Nobody is told that a quota is reached. Models net/netfilter/nfnetlink_acct.c.
 */
import { EBUSY, EINVAL, ENOENT, SystemError } from "../errno.js";
import type { NetNamespace } from "../netns.js";
import { perNamespace } from "../pernet.js";

/** How much may pass before rules match. */
export interface AccountingQuota {
  readonly unit: "packet" | "byte";
  readonly limit: bigint;
}

/** One object. Models `struct nf_acct`. */
export class AccountingObject {
  readonly name: string;
  readonly quota: AccountingQuota | null;
  packets: number;
  bytes: number;
  /** Whether the quota was reached. */
  overQuota = false;
  /** Rules that count on it. */
  users = 0;

  constructor(name: string, quota: AccountingQuota | null, packets: number, bytes: number) {
    this.name = name;
    this.quota = quota;
    this.packets = packets;
    this.bytes = bytes;
  }

  /** A packet passes: whether its rule matches. Models nfnl_acct_update() and nfnl_acct_overquota(). */
  count(bytes: number): boolean {
    this.packets++;
    this.bytes += bytes;
    const { quota } = this;
    if (quota === null) return true;
    const now = quota.unit === "packet" ? this.packets : this.bytes;
    // A number and a bigint compare by their values.
    if (now >= quota.limit) this.overQuota = true;
    return now > quota.limit;
  }

  /** The counters begin again. */
  reset(): void {
    this.packets = 0;
    this.bytes = 0;
    this.overQuota = false;
  }
}

/** The longest name that the kernel keeps. Models `NFACCT_NAME_MAX`. */
const MAX_NAME = 31;

const objectsOf = perNamespace(() => new Map<string, AccountingObject>());

/** The object of a name. */
export function findAccounting(net: NetNamespace, name: string): AccountingObject | undefined {
  return objectsOf(net).get(name);
}

/** Every object, in the order in which they came. */
export function accountingObjects(net: NetNamespace): readonly AccountingObject[] {
  return [...objectsOf(net).values()];
}

/** Makes an object. Throws EINVAL without a name, EBUSY where there is one of that name. Models nfnl_acct_new(). */
export function addAccounting(
  net: NetNamespace,
  name: string,
  quota: AccountingQuota | null,
  packets = 0,
  bytes = 0,
): void {
  const all = objectsOf(net);
  const kept = name.slice(0, MAX_NAME);
  if (kept === "") throw new SystemError(EINVAL);
  if (all.has(kept)) throw new SystemError(EBUSY);
  all.set(kept, new AccountingObject(kept, quota, packets, bytes));
}

/** Takes an object away. Throws ENOENT where there is none, EBUSY while rules count on it. Models nfnl_acct_del(). */
export function deleteAccounting(net: NetNamespace, name: string): void {
  const all = objectsOf(net);
  const object = all.get(name);
  if (object === undefined) throw new SystemError(ENOENT);
  if (object.users > 0) throw new SystemError(EBUSY);
  all.delete(name);
}

/** Takes all away that no rule counts on. */
export function flushAccounting(net: NetNamespace): void {
  const all = objectsOf(net);
  for (const [name, { users }] of all) if (users === 0) all.delete(name);
}
