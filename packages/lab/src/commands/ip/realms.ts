/** Realms in the words of `ip`: `[FROM/]TO`. Models get_rt_realms_or_raw(), iproute2's lib/utils.c. */
import { numberOf, wrongArgument } from "./words.js";

/** /etc/iproute2/rt_realms, as Debian 12 ships it, knows one name. */
const COSMOS = "cosmos";

function realmOf(text: string, whole: string, what: string): number {
  if (text === COSMOS) return 0;
  try {
    return numberOf(text, what, 0xff);
  } catch {
    throw wrongArgument(whole, what);
  }
}

/**
 * The source's realm in the high 16 bits, the destination's in the low ones. A number alone is both as they are kept;
 * what is left out is none.
 */
export function realmsOf(text: string, what: string): number {
  const slash = text.indexOf("/");
  if (slash < 0) return text === "" || text === COSMOS ? 0 : numberOf(text, what);
  const to = text.slice(slash + 1);
  return realmOf(text.slice(0, slash), text, what) * 0x10000 + (to === "" ? 0 : realmOf(to, text, what));
}

/**
 * The names of realms as one run of `ip` has them: it reads its file when it looks for a name that it has not, and until
 * then has one of its own for 0. Models rtnl_rtrealm_n2a(), iproute2's lib/rt_names.c.
 */
export class RealmNames {
  #read = false;

  /** Something made `ip` read its file. */
  read(): void {
    this.#read = true;
  }

  #name(realm: number): string {
    if (realm > 0 && realm < 256) this.#read = true;
    return realm > 0 ? String(realm) : this.#read ? COSMOS : "unknown";
  }

  /** `3/7`, or `7` where no source is named. */
  text(realms: number): string {
    const from = realms >>> 16;
    return `${from === 0 ? "" : `${this.#name(from)}/`}${this.#name(realms & 0xffff)}`;
  }

  /** As a route has them; nothing where there are none. */
  routeText(realms: number): string {
    return realms === 0 ? "" : `realm${realms >>> 16 === 0 ? "" : "s"} ${this.text(realms)} `;
  }
}

/** Realms that a listing is about, and which bits of them. */
export interface RealmFilter {
  readonly realms: number;
  readonly mask: number;
  /** Whether names were looked for. */
  readonly named: boolean;
}

/** A side that is not named may be any. */
export function realmFilterOf(text: string): RealmFilter {
  const realms = realmsOf(text, "invalid realms\n");
  let mask = 0xffffffff;
  if ((realms & 0xffff) === 0 && text.endsWith("/")) mask = 0xffff0000;
  if (realms >>> 16 === 0 && !text.includes("/")) mask = 0xffff;
  return { realms, mask, named: text !== "" };
}

export function fitsRealms(filter: RealmFilter | null, realms: number): boolean {
  return filter === null || ((realms ^ filter.realms) & filter.mask) === 0;
}
