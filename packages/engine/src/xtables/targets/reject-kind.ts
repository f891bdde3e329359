/** What REJECT of both families has in common: kinds of refusal by their names, of which one is a TCP RST. */
import { NF_DROP, NF_INET_FORWARD, NF_INET_LOCAL_IN, NF_INET_LOCAL_OUT, type Verdict } from "../../hooks.js";
import type { NetNamespace } from "../../netns.js";
import type { SkBuff } from "../../skb.js";
import { IPPROTO_TCP } from "../../wire/ipv4.js";
import { ParameterProblem, RulesetError } from "../error.js";
import type { RuleHeader, Target, TargetExtension, XtActionParam } from "../extension.js";

/** A kind of refusal: its names, and the error's code (-1: a TCP RST). */
export interface RejectKind {
  readonly name: string;
  readonly alias: string;
  readonly code: number;
  readonly about: string;
}

/** What is one family's own. */
export interface RejectFamily {
  readonly family: "ipv4" | "ipv6";
  readonly kinds: readonly RejectKind[];
  readonly defaultKind: RejectKind;
  /** What follows the kinds in the help. */
  readonly helpEnd: string;
  /** What is said of a kind that is none, beside that; in lower case. */
  notice(wanted: string): string;
  /** The kernel's functions that answer, and their module. */
  readonly resetName: string;
  readonly unreachName: string;
  readonly module: string;
  sendReset(net: NetNamespace, skb: SkBuff): void;
  sendUnreachable(net: NetNamespace, skb: SkBuff, code: number): void;
}

class RejectTarget implements Target {
  readonly name: string = "REJECT";
  readonly #family: RejectFamily;
  readonly #kind: RejectKind;
  readonly #tcp: boolean;

  constructor(family: RejectFamily, kind: RejectKind, header: RuleHeader) {
    this.#family = family;
    this.#kind = kind;
    this.#tcp = header.proto === IPPROTO_TCP && !header.invertProto;
  }

  target(par: XtActionParam): Verdict {
    const { net, skb } = par;
    const { code } = this.#kind;
    const family = this.#family;
    const { trace } = net;
    if (trace !== null) trace.enter(code < 0 ? family.resetName : family.unreachName, family.module, skb);
    if (code < 0) family.sendReset(net, skb);
    else family.sendUnreachable(net, skb, code);
    if (trace !== null) trace.leave();
    return NF_DROP;
  }

  check(): void {
    if (this.#kind.code < 0 && !this.#tcp) throw new RulesetError("EINVAL", "", "tcp-reset needs -p tcp");
  }

  save(): string {
    return ` --reject-with ${this.#kind.name}`;
  }

  print(): string {
    return ` reject-with ${this.#kind.name}`;
  }
}

/**
 * A reset for what came by a bridge's port goes straight back by it, as from the frame's addressee: one from this
 * host's own MAC address would confuse others. False: it came by none. Models the end of nf_send_reset() and
 * nf_send_reset6().
 */
export function sendByPort(net: NetNamespace, old: SkBuff, reset: SkBuff): boolean {
  const port = old.physIn;
  if (port === null) return false;
  reset.linkSource = old.linkDestination;
  reset.linkDestination = old.linkSource;
  const { trace } = net;
  if (trace !== null) {
    trace.begin(reset);
    trace.note({ kind: "transmit", device: port.name });
    trace.done(reset, port.name);
    trace.end();
  }
  port.transmit(reset);
  return true;
}

/** The extension of one family. */
export function rejectTargetOf(family: RejectFamily): TargetExtension {
  const { kinds, defaultKind, helpEnd } = family;
  return {
    kind: "target",
    name: "REJECT",
    families: [family.family],
    tables: ["filter"],
    hooks: (1 << NF_INET_LOCAL_IN) | (1 << NF_INET_FORWARD) | (1 << NF_INET_LOCAL_OUT),
    help: `
REJECT target options:
--reject-with type              drop input packet and send back
                                a reply packet according to type:
Valid reject types:
${kinds.map(({ name, alias, about }) => `    ${name.padEnd(25)}\t${about}\n    ${alias.padEnd(25)}\talias\n`).join("")}
${helpEnd}`,
    options: [
      {
        name: "reject-with",
        parse(text: string): RejectKind {
          const wanted = text.toLowerCase();
          const kind = kinds.find(({ name, alias }) => name.startsWith(wanted) || alias.startsWith(wanted));
          if (kind === undefined) throw new ParameterProblem(`unknown reject type "${text}"`, family.notice(wanted));
          return kind;
        },
      },
    ],
    build: (values, header) => new RejectTarget(family, values.get<RejectKind>("reject-with") ?? defaultKind, header),
  };
}
