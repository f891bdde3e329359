/**
 * A rule's matches as iptables-nft finds them in the kernel: those that it writes as instructions of nftables are read
 * back as one match each, however often they were given. Models iptables/nft-ruleparse.c.
 */

import type { ExtensionUse } from "./command-options.js";
import { ParameterProblem } from "./error.js";
import type { Match, MatchExtension, RuleHeader, XtActionParam } from "./extension.js";
import type { OptionValues } from "./options.js";

/** The matches as iptables-nft reads them back: those it has instructions for are one each. */
export function matchesInNft(uses: readonly ExtensionUse[], header: RuleHeader): Match[] {
  const matches: Match[] = [];
  const native = new Map<MatchExtension, { readonly at: number; values: OptionValues; readonly parts: Match[] }>();
  for (const use of uses) {
    const extension = use.extension as MatchExtension;
    const match = extension.buildInNft?.(use.values) ?? null;
    if (match === null) {
      matches.push(extension.build(use.values, header));
      continue;
    }
    if (extension.protocols?.includes(header.proto) !== true)
      throw new ParameterProblem(`${extension.name.toUpperCase()} match requires '-p ${extension.name}'`);
    const first = native.get(extension);
    if (first === undefined) {
      native.set(extension, { at: matches.length, values: use.values, parts: [match] });
      matches.push(match);
    } else {
      first.values = first.values.with(use.values);
      first.parts.push(match);
      matches[first.at] = new ReadBackAsOne(extension.buildInNft?.(first.values) ?? match, first.parts);
    }
  }
  return matches;
}

/** Several uses of a match that all must hold and are printed as one, in which the last word on each option counts. */
class ReadBackAsOne implements Match {
  readonly name: string;
  readonly unlisted: boolean;
  readonly nativeInNft = true;
  readonly #shown: Match;
  readonly #parts: readonly Match[];

  constructor(shown: Match, parts: readonly Match[]) {
    this.name = shown.name;
    this.unlisted = shown.unlisted === true;
    this.#shown = shown;
    this.#parts = parts;
  }

  match(par: XtActionParam): boolean {
    return this.#parts.every((part) => part.match(par));
  }

  save(): string {
    return this.#shown.save();
  }

  print(numeric: boolean): string {
    return this.#shown.print(numeric);
  }
}
