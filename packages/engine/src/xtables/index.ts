/** What the commands need of the tables; the rest is this folder's own. */

export type { Policy } from "./chain.js";
export { Chain } from "./chain.js";
export { BadArgument, OtherFamily, OtherProblem, ParameterProblem, RulesetError, TryHelp } from "./error.js";
export { everydayExtensions } from "./everyday.js";
export type {
  Extension as XtExtension,
  Match as XtMatch,
  MatchExtension as XtMatchExtension,
  TableName,
  Target as XtTarget,
  TargetExtension as XtTargetExtension,
  XtFamily,
} from "./extension.js";
export { XT_CONTINUE, XT_RETURN } from "./extension.js";
export type { AddressWords, IpSpec } from "./ip-spec.js";
export type { ListFormat } from "./list.js";
export { chainHeading, listRule, verboseRule } from "./list.js";
export { packetLogLine } from "./log.js";
export { NftTrace, type NftTraceEvent, type TracedPacket } from "./nft-trace.js";
export { isTableName, parseCommand } from "./parse.js";
export type { ParseContext, ParsedAction, ParsedCommand, ParsedRule, XtCommandKind } from "./parsed-command.js";
export { ruleText } from "./print.js";
export { protocolName, protocolNumber } from "./protocols.js";
export {
  type ExtensionList,
  matchExtensions,
  namesUnknownExtension,
  registerExtensions,
  targetExtensions,
} from "./registry.js";
export type { Action as RuleAction } from "./rule.js";
export { Rule } from "./rule.js";
export { serviceName, servicePort } from "./services.js";
export type { XtFlavour } from "./table.js";
export { builtinHook, TABLE_HOOKS, TABLE_NAMES, Table, tablePriority } from "./table.js";
export { checkWaitInterval, checkWaitSeconds, WAIT_INTERVAL_NOTICE } from "./wait.js";
export { Xtables } from "./xtables.js";
