/** `ip link`: the devices. What changes them comes with a part. */
import { IFF_LOOPBACK } from "@netfilter-lab/engine";
import type { LabContext } from "../../environment.js";
import { flagText, fullName, linkLines, statisticsLines } from "./device-text.js";
import type { IpOptions } from "./options.js";
import { type Selection, selected, selection } from "./selection.js";
import { abbreviated, IpError, macText, UsageError, type Words } from "./words.js";

const print = (context: LabContext, options: IpOptions, blocks: readonly (readonly string[])[]): void => {
  for (const lines of blocks) context.stdout.write(`${lines.join(options.oneLine ? "\\" : "\n")}\n`);
};

function showLinks(context: LabContext, options: IpOptions, words: Words): number {
  return printLinks(context, options, selection(context, options, words, "link"), true);
}

/** Devices as `ip link` shows them; `mode` is a word that `ip -0 address` leaves out. */
export function printLinks(context: LabContext, options: IpOptions, chosen: Selection, mode: boolean): number {
  if (chosen.label !== null) return 0;
  const devices = selected(context.net, chosen);
  if (options.brief) {
    for (const dev of devices) {
      const mac = dev.flags & IFF_LOOPBACK ? "00:00:00:00:00:00" : dev.mac === null ? null : macText(dev.mac);
      const address = mac === null ? "" : `${mac} `;
      context.stdout.write(`${fullName(dev).padEnd(16)} ${dev.operState.padEnd(14)} ${address}${flagText(dev)} \n`);
    }
    return 0;
  }
  print(
    context,
    options,
    devices.map((dev) => [
      ...linkLines(dev, mode, null),
      ...(options.statistics > 0 ? statisticsLines(dev, options.statistics) : []),
    ]),
  );
  return 0;
}

/** `ip link`; a name: of what a part does with the words that are left. */
export function ipLink(
  context: LabContext,
  options: IpOptions,
  words: Words,
): number | "addLink" | "deleteLink" | "setLink" {
  const word = words.peek();
  if (word === undefined) return showLinks(context, options, words);
  const command = abbreviated(word, [
    "add",
    "set",
    "change",
    "replace",
    "delete",
    "show",
    "list",
    "lst",
    "afstats",
    "property",
    "help",
  ]);
  if (command === null) throw new IpError(`Command "${word}" is unknown, try "ip link help".`, 255);
  words.next();
  if (command === "show" || command === "list" || command === "lst") return showLinks(context, options, words);
  if (command === "set" || command === "change") return "setLink";
  if (command === "add") return "addLink";
  if (command === "delete") return "deleteLink";
  if (command === "help") throw new UsageError("link");
  throw new IpError(`ip link ${command}: not supported by the lab`, 255);
}
