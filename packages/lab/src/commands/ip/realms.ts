/** Realms in the words of `ip`: `[FROM/]TO`. Models get_rt_realms_or_raw(), iproute2's lib/utils.c. */
import { IpError, numberOf, type Words, wrongArgument } from "./words.js";

/** /etc/iproute2/rt_realms, as Debian 12 ships it, knows one name. */
const COSMOS = "cosmos";

/**
 * What one run of `ip` makes of the name: its file says 0, but when it is named again it stands for the number read
 * last, where the tool keeps both. By the words of the command. Models the statics of rtnl_rtrealm_a2n().
 */
const known = new WeakMap<Words, number>();

/** A realm by name or number. Where it is none, the tool keeps it nevertheless. */
function realmOf(words: Words, text: string, what: string): number {
  if (text === COSMOS) {
    const realm = known.get(words) ?? 0;
    known.set(words, realm);
    return realm;
  }
  const realm = numberOf(text, what);
  if (known.has(words)) known.set(words, realm);
  return realm;
}

/** One of two, which is a byte. */
function sideOf(words: Words, text: string, whole: string, what: string): number {
  try {
    const realm = realmOf(words, text, what);
    if (realm <= 0xff) return realm;
  } catch (error) {
    if (!(error instanceof IpError)) throw error;
  }
  throw wrongArgument(whole, what);
}

/**
 * The source's realm in the high 16 bits, the destination's in the low ones. A number alone is both as they are kept;
 * what is left out is none.
 */
export function realmsOf(words: Words, what: string): number {
  const text = words.next();
  const slash = text.indexOf("/");
  if (slash < 0) return text === "" ? 0 : realmOf(words, text, what);
  const from = sideOf(words, text.slice(0, slash), text, what);
  const to = text.slice(slash + 1);
  return (from * 0x10000 + (to === "" ? 0 : sideOf(words, to, text, what))) >>> 0;
}

/**
 * The names of realms as one run of `ip` has them: it reads its file when it looks for a name that it has not, and
 * until then has one of its own for 0. Models rtnl_rtrealm_n2a(), iproute2's lib/rt_names.c.
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
