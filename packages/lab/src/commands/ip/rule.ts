/**
 * `ip rule` of both families: the rules that choose among the routing tables. Rules by tunnel, VRF and the old route
 * NAT are not supported, and neither are `save` and `restore`.
 */
import {
  type Cidr,
  type Cidr6,
  FR_ACT_GOTO,
  FR_ACT_NOP,
  FR_ACT_TO_TBL,
  formatIPv4,
  type PolicyRule,
  type PolicyRule6,
  RT_TABLE_MAIN,
  RTN_NAT,
  RTPROT_KERNEL,
  type RuleCore,
  type RulePorts,
  samePrefixIPv6,
} from "@netfilter-lab/engine";
import type { LabContext } from "../../environment.js";
import { AddressFamily } from "./family.js";
import { prefixText6 } from "./ipv6.js";
import {
  dsfieldOf,
  dsfieldText,
  groupOf,
  groupText,
  ipProtocolOf,
  ipProtocolText,
  protocolOf,
  protocolText,
  routeTypeOf,
  routeTypeText,
  tableName,
  tableOf,
} from "./names.js";
import type { IpOptions } from "./options.js";
import { RealmNames, realmsOf } from "./realms.js";
import { abbreviated, begins, IpError, netlink, numberOf, UsageError, type Words, wrongArgument } from "./words.js";

/** Of `from` and `to`: whose field it is. */
export type RuleEnd = "src" | "dst";

/** What `ip rule` needs of a family: its rules, and the words for its addresses. */
export interface RuleCommands<R extends RuleCore> {
  list(): readonly R[];
  resolved(rule: R): boolean;
  add(rule: Partial<R>): void;
  delete(rule: Partial<R>): void;
  /** The fields that a prefix sets; a listing is of one family from the beginning. */
  prefix(end: RuleEnd, text: string, listing: boolean): Partial<R>;
  /** A rule's prefix as it is printed. */
  text(rule: R, end: RuleEnd): string;
  /** Whether a rule's address lies in the prefix that these fields give. */
  within(rule: R, fields: Partial<R>, end: RuleEnd): boolean;
  /** The field that realms set; IPv6 has none. */
  realms(realms: number): Partial<R>;
  realmsOf(rule: R): number;
}

type Fields = { -readonly [K in keyof RuleCore]?: RuleCore[K] };

/** `fwmark MARK[/MASK]`. */
function fwmarkOf(text: string): { fwmark: number; fwmask: number | null } {
  const slash = text.indexOf("/");
  const mark = slash < 0 ? text : text.slice(0, slash);
  const fwmark = numberOf(mark, "fwmark value is invalid\n");
  return { fwmark, fwmask: slash < 0 ? null : numberOf(text.slice(slash + 1), "fwmask value is invalid\n") };
}

/** As `sscanf("%hu-%hu")` takes it: what follows is not looked at, and numbers are cut to 16 bits. */
function portsOf(text: string): RulePorts {
  const match = /^\s*(\d+)(?:-(\d+))?/.exec(text);
  if (match === null) throw new IpError(`Error: argument "${text}" is wrong: invalid port range\n`, 255);
  const first = Number(match[1]) & 0xffff;
  return [first, match[2] === undefined ? first : Number(match[2]) & 0xffff];
}

/** As `sscanf("%u-%u")` takes it: what follows is not looked at, and numbers are cut to 32 bits. */
function uidRangeOf(text: string): readonly [number, number] {
  const match = /^\s*([+-]?\d+)-\s*([+-]?\d+)/.exec(text);
  if (match === null) throw wrongArgument(text, "invalid UID range\n");
  return [Number(match[1]) >>> 0, Number(match[2]) >>> 0];
}

function deviceNameOf(text: string, what: string): string {
  if (!/^[^/\s]{1,15}$/.test(text))
    throw new IpError(`Error: argument "${text}" is wrong: ${what} not a valid ifname`, 255);
  return text;
}

const unsupported = (word: string): IpError => new IpError(`ip rule: ${word}: not supported by the lab`, 255);

const isWord = (word: string, ...names: readonly string[]): boolean => names.includes(word);

/** The words of a rule that adding and listing have in common. False when it is none of them. */
function commonWord(word: string, words: Words, rule: Fields): boolean {
  if (isWord(word, "not")) rule.invert = true;
  else if (begins(word, "preference", "order", "priority"))
    rule.priority = numberOf(words.next(), "preference value is invalid\n");
  else if (isWord(word, "tos") || begins(word, "dsfield")) rule.tos = dsfieldOf(words.next(), "TOS value is invalid\n");
  else if (isWord(word, "dev") || begins(word, "iif")) rule.iif = deviceNameOf(words.next(), '"iif"/"dev"');
  else if (isWord(word, "oif")) rule.oif = deviceNameOf(words.next(), '"oif"');
  else if (isWord(word, "ipproto")) rule.ipProtocol = ipProtocolOf(words.next(), 'Invalid "ipproto" value\n');
  else if (isWord(word, "sport")) rule.sport = portsOf(words.next());
  else if (isWord(word, "dport")) rule.dport = portsOf(words.next());
  else if (isWord(word, "uidrange")) rule.uidRange = uidRangeOf(words.next());
  else if (isWord(word, "l3mdev") || begins(word, "tun_id")) throw unsupported(word);
  else return false;
  return true;
}

/** Reads a rule to add or to delete. Models `iprule_modify()`. */
function ruleOf<R extends RuleCore>(family: RuleCommands<R>, words: Words, adding: boolean): Partial<R> {
  const rule: Fields = {};
  let prefixes: Partial<R> = {};
  let fwmask: number | null = null;
  let named = false;
  while (!words.done) {
    let word = words.next();
    if (isWord(word, "from")) prefixes = { ...prefixes, ...family.prefix("src", words.next(), false) };
    else if (isWord(word, "to")) prefixes = { ...prefixes, ...family.prefix("dst", words.next(), false) };
    else if (commonWord(word, words, rule)) continue;
    else if (isWord(word, "fwmark")) {
      const mark = fwmarkOf(words.next());
      rule.fwmark = mark.fwmark;
      // A mask that was said stays, whatever mark is said after it.
      fwmask = mark.fwmask ?? fwmask;
      rule.fwmask = fwmask ?? (mark.fwmark === 0 ? 0 : 0xffffffff);
    } else if (begins(word, "realms"))
      prefixes = { ...prefixes, ...family.realms(realmsOf(words, "invalid realms\n")) };
    else if (begins(word, "protocol")) rule.protocol = protocolOf(words.next());
    else if (begins(word, "table") || isWord(word, "lookup")) {
      rule.table = tableOf(words.next(), "invalid table ID\n");
      named = true;
    } else if (isWord(word, "suppress_prefixlength", "sup_pl"))
      rule.suppressPrefixLength = numberOf(words.next(), "suppress_prefixlength value is invalid\n", 0x7fffffff);
    else if (isWord(word, "suppress_ifgroup", "sup_group"))
      rule.suppressGroup = groupOf(words.next(), 'Invalid "suppress_ifgroup" value\n');
    else {
      if (isWord(word, "type")) word = words.next();
      if (begins(word, "help")) throw new UsageError("rule");
      if (begins(word, "goto")) {
        rule.action = FR_ACT_GOTO;
        rule.target = numberOf(words.next(), "invalid target\n");
      } else if (begins(word, "nop")) rule.action = FR_ACT_NOP;
      else if (isWord(word, "nat") || begins(word, "map-to")) throw unsupported(word);
      else {
        const type = routeTypeOf(word);
        if (type === null) throw new IpError(`Error: argument "${word}" is wrong: Failed to parse rule type`, 255);
        rule.action = type;
      }
      named = true;
    }
  }
  if (adding) {
    rule.action ??= FR_ACT_TO_TBL;
    if (!named) rule.table = RT_TABLE_MAIN;
  }
  return { ...rule, ...prefixes } as Partial<R>;
}

/** What of the rules a list or a flush is about. Models `struct filter` of iprule.c. */
interface Filter<R extends RuleCore> {
  readonly fields: Fields;
  readonly fwmask: number | null;
  readonly from: Partial<R> | null;
  readonly to: Partial<R> | null;
}

/** Models `iprule_list_flush_or_save()`. */
function filterOf<R extends RuleCore>(family: RuleCommands<R>, words: Words): Filter<R> {
  const fields: Fields = {};
  let fwmask: number | null = null;
  let from: Partial<R> | null = null;
  let to: Partial<R> | null = null;
  while (!words.done) {
    let word = words.next();
    if (isWord(word, "fwmark")) {
      const mark = fwmarkOf(words.next());
      fields.fwmark = mark.fwmark;
      fwmask = mark.fwmask ?? fwmask;
    } else if (commonWord(word, words, fields)) continue;
    else if (begins(word, "lookup", "table")) fields.table = tableOf(words.next());
    else if (begins(word, "protocol")) fields.protocol = protocolOf(words.next(), 'invalid "protocol"\n');
    else if (isWord(word, "from", "src")) from = family.prefix("src", words.next(), true);
    else {
      if (isWord(word, "dst", "to")) word = words.next();
      to = family.prefix("dst", word, true);
    }
  }
  return { fields, fwmask, from, to };
}

const overlap = (wanted: RulePorts | undefined, has: RulePorts): boolean =>
  wanted === undefined ||
  wanted === null ||
  wanted[0] === 0 ||
  (has !== null && has[0] === wanted[0] && has[1] === wanted[1]);

/** Models `filter_nlmsg()`. */
function passes<R extends RuleCore>(
  family: RuleCommands<R>,
  { fields, fwmask, from, to }: Filter<R>,
  rule: R,
): boolean {
  const asked = (key: "table" | "iif" | "oif" | "ipProtocol" | "fwmark"): boolean => {
    const wanted = fields[key];
    return wanted === undefined || wanted === 0 || wanted === "" || wanted === rule[key];
  };
  return (
    (fields.priority === undefined || fields.priority === rule.priority) &&
    (fields.invert !== true || rule.invert) &&
    asked("table") &&
    asked("iif") &&
    asked("oif") &&
    (fields.tos === undefined || fields.tos === rule.tos) &&
    asked("ipProtocol") &&
    asked("fwmark") &&
    (fwmask === null || fwmask === 0 || fwmask === rule.fwmask) &&
    overlap(fields.sport, rule.sport) &&
    overlap(fields.dport, rule.dport) &&
    (!fields.uidRange || fields.uidRange.every((uid, i) => uid === rule.uidRange?.[i])) &&
    (from === null || family.within(rule, from, "src")) &&
    (to === null || family.within(rule, to, "dst"))
  );
}

const hex = (value: number): string => (value === 0 ? "0" : `0x${value.toString(16)}`);
const portsText = (ports: readonly [number, number]): string =>
  ports[0] === ports[1] ? String(ports[0]) : `${ports[0]}-${ports[1]}`;

/** Models `print_rule()`. */
function ruleLine<R extends RuleCore>(
  context: LabContext,
  family: RuleCommands<R>,
  names: RealmNames,
  rule: R,
): string {
  const { devices } = context.net;
  let text = `${rule.priority}:\t${rule.invert ? "not " : ""}from ${family.text(rule, "src")}`;
  if (rule.dstLength > 0) text += ` to ${family.text(rule, "dst")}`;
  if (rule.tos !== 0) text += ` tos ${dsfieldText(rule.tos)}`;
  if (rule.fwmark !== 0 || rule.fwmask !== 0)
    text += ` fwmark ${hex(rule.fwmark)}${rule.fwmask === 0xffffffff ? "" : `/${hex(rule.fwmask)}`}`;
  if (rule.iif !== "") text += ` iif ${rule.iif}${devices.has(rule.iif) ? "" : " [detached]"}`;
  if (rule.oif !== "") text += ` oif ${rule.oif}${devices.has(rule.oif) ? "" : " [detached]"}`;
  if (rule.uidRange !== null) text += ` uidrange ${rule.uidRange.join("-")}`;
  if (rule.ipProtocol !== 0) text += ` ipproto ${ipProtocolText(rule.ipProtocol)}`;
  if (rule.sport !== null) text += ` sport ${portsText(rule.sport)}`;
  if (rule.dport !== null) text += ` dport ${portsText(rule.dport)}`;
  if (rule.table !== 0) {
    text += ` lookup ${tableName(rule.table)}`;
    if (rule.suppressPrefixLength !== -1) text += ` suppress_prefixlength ${rule.suppressPrefixLength}`;
    if (rule.suppressGroup !== -1) text += ` suppress_ifgroup ${groupText(rule.suppressGroup)}`;
  }
  const realms = family.realmsOf(rule);
  if (realms !== 0) text += ` realms ${names.text(realms)}`;
  if (rule.action === FR_ACT_GOTO) text += ` goto ${rule.target}${family.resolved(rule) ? "" : " [unresolved]"}`;
  else if (rule.action === FR_ACT_NOP) text += " nop";
  else if (rule.action === RTN_NAT) text += " masquerade";
  else if (rule.action !== FR_ACT_TO_TBL) text += ` ${routeTypeText(rule.action)}`;
  if (rule.protocol !== 0 && rule.protocol !== RTPROT_KERNEL) text += ` proto ${protocolText(rule.protocol)}`;
  return text;
}

/** A rule as its message names it: only a goto has a target. */
function withoutTarget<R extends RuleCore>(rule: R): Partial<R> {
  if (rule.action === FR_ACT_GOTO) return rule;
  const { target: _, ...rest } = rule;
  return rest as Partial<R>;
}

/** `ip rule` on a family's rules. Models `do_iprule()`. */
export function runIpRule<R extends RuleCore>(context: LabContext, family: RuleCommands<R>, words: Words): number {
  const show = (): number => {
    const filter = filterOf(family, words);
    const names = new RealmNames();
    for (const rule of family.list())
      if (passes(family, filter, rule)) context.stdout.write(`${ruleLine(context, family, names, rule)}\n`);
    return 0;
  };
  const word = words.peek();
  if (word === undefined) return show();
  words.next();
  const command = abbreviated(word, ["list", "lst", "show", "save", "restore", "add", "delete", "flush", "help"]);
  switch (word === "ls" ? "list" : command) {
    case "list":
    case "lst":
    case "show":
      return show();
    case "add": {
      if (words.done) throw new IpError('"ip rule add" requires arguments.', 1);
      const rule = ruleOf(family, words, true);
      netlink(() => family.add(rule));
      return 0;
    }
    case "delete": {
      if (words.done) throw new IpError('"ip rule del" requires arguments.', 1);
      const rule = ruleOf(family, words, false);
      netlink(() => family.delete(rule));
      return 0;
    }
    case "flush": {
      const filter = filterOf(family, words);
      const { protocol } = filter.fields;
      // A rule of priority 0 is never flushed: its message has no priority.
      for (const rule of family.list())
        if (
          rule.priority !== 0 &&
          (protocol === undefined || protocol === rule.protocol) &&
          passes(family, filter, rule)
        )
          netlink(() => family.delete(withoutTarget(rule)));
      return 0;
    }
    case "help":
      throw new UsageError("rule");
    case null:
      throw new IpError(`Command "${word}" is unknown, try "ip rule help".`, 255);
    default:
      throw new IpError(`ip rule ${command}: not supported by the lab`, 255);
  }
}

const prefixIn = (rule: Partial<PolicyRule>, end: RuleEnd): Cidr =>
  end === "src"
    ? { address: rule.src ?? 0, prefixLength: rule.srcLength ?? 0 }
    : { address: rule.dst ?? 0, prefixLength: rule.dstLength ?? 0 };

function ruleCommands4({ net }: LabContext, options: IpOptions): RuleCommands<PolicyRule> {
  // An address of IPv6 in a rule of IPv4 is the kernel's to refuse, behind all that is wrong with the words.
  const foreign = { src: false, dst: false };
  const refuseForeign = (): void => {
    const end = foreign.src ? "source" : foreign.dst ? "dst" : null;
    if (end !== null) throw new IpError(`Error: Invalid ${end} address.`, 2);
  };
  return {
    list: () => net.ip.rules(),
    resolved: (rule) => net.ip.ruleResolved(rule),
    add(rule) {
      refuseForeign();
      net.ip.addRule(rule);
    },
    delete(rule) {
      refuseForeign();
      net.ip.deleteRule(rule);
    },
    prefix(end, text, listing) {
      const { address, prefixLength } = new AddressFamily(listing ? { family: 4 } : options).readPrefix(text);
      foreign[end] = typeof address !== "number";
      if (typeof address !== "number") return {};
      return end === "src" ? { src: address, srcLength: prefixLength } : { dst: address, dstLength: prefixLength };
    },
    text(rule, end) {
      const { address, prefixLength } = prefixIn(rule, end);
      if (prefixLength === 0) return "all";
      return prefixLength === 32 ? formatIPv4(address) : `${formatIPv4(address)}/${prefixLength}`;
    },
    within(rule, fields, end) {
      const { address, prefixLength } = prefixIn(fields, end);
      const has = prefixIn(rule, end);
      if (prefixLength === 0) return true;
      return has.prefixLength > 0 && (address ^ has.address) >>> (32 - prefixLength) === 0;
    },
    realms: (realms) => ({ realms }),
    realmsOf: ({ realms }) => realms ?? 0,
  };
}

const prefixIn6 = (rule: Partial<PolicyRule6>, end: RuleEnd): Cidr6 =>
  end === "src"
    ? { address: rule.src ?? new Int32Array(4), prefixLength: rule.srcLength ?? 0 }
    : { address: rule.dst ?? new Int32Array(4), prefixLength: rule.dstLength ?? 0 };

function ruleCommands6({ net: { ip6 } }: LabContext): RuleCommands<PolicyRule6> {
  const { rules } = ip6.fib;
  return {
    list: () => rules.list(),
    resolved: (rule) => rules.resolved(rule),
    add: (rule) => ip6.addRule(rule),
    delete: (rule) => ip6.deleteRule(rule),
    prefix(end, text) {
      const { address, prefixLength } = new AddressFamily({ family: 6 }).readPrefix(text) as Cidr6;
      return end === "src" ? { src: address, srcLength: prefixLength } : { dst: address, dstLength: prefixLength };
    },
    text(rule, end) {
      const { address, prefixLength } = prefixIn6(rule, end);
      return prefixText6(address, prefixLength, "all");
    },
    within(rule, fields, end) {
      const { address, prefixLength } = prefixIn6(fields, end);
      const has = prefixIn6(rule, end);
      return prefixLength === 0 || (has.prefixLength > 0 && samePrefixIPv6(address, has.address, prefixLength));
    },
    // Linux takes them here and makes nothing of them.
    realms: () => ({}),
    realmsOf: () => 0,
  };
}

export function ipRule(context: LabContext, options: IpOptions, words: Words): number {
  return options.family === 6
    ? runIpRule(context, ruleCommands6(context), words)
    : runIpRule(context, ruleCommands4(context, options), words);
}
