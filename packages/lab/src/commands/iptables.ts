/** `iptables` and `ip6tables`, with `-nft` and `-legacy`: one command on one table. */
import { isTableName, OtherProblem, ParameterProblem, type ParsedCommand, parseCommand } from "@netfilter-lab/engine";
import type { Command, CommandContext } from "../command.js";
import { applyCommand } from "./iptables-apply.js";
import { helpText } from "./iptables-help.js";
import {
  forgetPolicyCount,
  legacyWarning,
  MissingTarget,
  missingTarget,
  problemText,
  type Tool,
  ToolFailure,
  toolOf,
  withExtensionsOf,
} from "./iptables-tool.js";

function run(tool: Tool, context: CommandContext): void {
  const parsed = parseCommand(context.args, {
    table: "filter",
    restore: false,
    family: tool.xt.family,
    flavour: tool.xt.flavour,
    program: tool.program,
    before: tool.argv0,
    net: tool.xt.net,
  });
  if (parsed.notice !== "") context.stderr.write(parsed.notice);
  if (parsed.kind === "help") context.stdout.write(helpText(tool, parsed.extensions));
  else if (parsed.kind === "version") context.stdout.write(`${tool.banner}\n`);
  else {
    const lists = parsed.kind === "list" || parsed.kind === "list-rules";
    if (lists && isTableName(parsed.table)) context.stderr.write(legacyWarning(tool, ""));
    const isNew = tool.xt.flavour === "legacy" && changes(tool, parsed);
    context.stdout.write(applyCommand(tool, parsed, (text) => context.stderr.write(text)));
    if (isNew) forgetPolicyCounts(tool, parsed);
  }
}

/** Whether a command gives the kernel a new table; to delete all chains where there are none does not. */
function changes(tool: Tool, { kind, alsoZero, table, chain }: ParsedCommand): boolean {
  if (kind === "delete-chain" && chain === null)
    return tool.xt.tables().some((each) => each.name === table && each.userChains().length > 0);
  return kind !== "check" && ((kind !== "list" && kind !== "list-rules") || alsoZero);
}

/**
 * The legacy tool hands the kernel a whole new table, and carries over what rules have counted but not what policies
 * have: seen with 1.8.9 on Linux 6.18, after every kind of change. Only counters given with the policy stay.
 */
function forgetPolicyCounts(tool: Tool, { table: name, kind, chain: given, counters }: ParsedCommand): void {
  const table = tool.xt.tables().find((each) => each.name === name);
  for (const chain of table?.chains.values() ?? []) {
    if (chain.hook === null || (kind === "set-policy" && counters !== null && chain.name === given)) continue;
    forgetPolicyCount(chain);
  }
}

/** A page has rare extensions when they have been named. */
export const iptables: Command = (context) => withExtensionsOf(context.args.join(" "), () => answer(context));

function answer(context: CommandContext): number {
  const tool = toolOf(context.net, "", context.argv0);
  try {
    run(tool, context);
    return 0;
  } catch (error) {
    let failure = error;
    if (error instanceof ParameterProblem || error instanceof OtherProblem) failure = problemText(tool, error, null);
    if (error instanceof MissingTarget) failure = missingTarget(tool, error, null);
    if (!(failure instanceof ToolFailure)) throw failure;
    context.stdout.write(failure.stdout);
    context.stderr.write(failure.message);
    return failure.status;
  }
}
