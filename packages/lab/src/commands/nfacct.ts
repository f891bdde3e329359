/**
 * `nfacct`, as of nfacct 1.0.2: accounting objects, which rules with `-m nfacct` count on. `monitor` is not supported:
 * nobody is told that a quota is reached.
 */
import { SystemError, strerror } from "@netfilter-lab/engine";
import {
  type AccountingObject,
  type AccountingQuota,
  accountingObjects,
  addAccounting,
  deleteAccounting,
  findAccounting,
  flushAccounting,
} from "@netfilter-lab/engine/parts";
import type { CommandProcess } from "../command.js";
import type { LabCommand, LabContext } from "../environment.js";
import { readAll } from "../streams.js";
import { strtoull } from "./decimal.js";
import { labDate } from "./system-tools.js";

const NAME = "nfacct v1.0.2";
const USAGE = "Usage: nfacct command [parameters]...\n";
const ABOUT = `${NAME}: utility for the Netfilter extended accounting infrastructure\n`;

const HELP = `${ABOUT}${USAGE}
Commands:
  list [reset]		List the accounting object table (and reset)
  add object-name	Add new accounting object to table
  delete object-name	Delete existing accounting object
  get object-name	Get existing accounting object
  flush			Flush accounting object table
  restore		Restore accounting object table reading 'list' output from stdin
  monitor		Listens for quota attainment notifications
  version		Display version and disclaimer
  help			Display this help message
`;

const VERSION = `${ABOUT}Copyright (C) 2011 Pablo Neira Ayuso <pablo@netfilter.org>
Copyright (C) 2011 Intra2net AG <http://www.intra2net.com>
This program comes with ABSOLUTELY NO WARRANTY.
This is free software, and you are welcome to redistribute it under certain 
conditions; see LICENSE file distributed in this package for details.
`;

/** What the tool says behind its name. */
class NfacctError extends Error {}

const digits = (value: number | bigint): string => String(value).padStart(20, "0");

function plain({ name, packets, bytes, quota, overQuota }: AccountingObject): string {
  const limit =
    quota === null
      ? ""
      : `, quota = ${digits(quota.limit)}, mode = ${quota.unit}, overquota = ${overQuota ? "yes" : "no"}`;
  return `{ pkts = ${digits(packets)}, bytes = ${digits(bytes)}${limit} } = ${name};\n`;
}

function xml({ name, packets, bytes }: AccountingObject): string {
  return `<obj><name>${name}</name><pkts>${digits(packets)}</pkts><bytes>${digits(bytes)}</bytes></obj>\n`;
}

function json({ name, packets, bytes, quota, overQuota }: AccountingObject): string {
  const limit =
    quota === null ? "" : `"quota" : ${quota.limit}, "mode" = "${quota.unit}", "overquota" = ${overQuota ? 1 : 0}, `;
  return `  { "pkts" : ${packets}, "bytes" : ${bytes}, ${limit}"name" : "${name}" }`;
}

type Format = "plain" | "xml" | "json";

function print(context: LabContext, objects: readonly AccountingObject[], format: Format): void {
  if (objects.length === 0) return;
  if (format === "plain") context.stdout.write(objects.map(plain).join(""));
  else if (format === "xml")
    context.stdout.write(`<?xml version="1.0" encoding="utf-8"?>\n<nfacct>\n${objects.map(xml).join("")}</nfacct>\n`);
  else {
    const seconds = Math.floor(labDate(context).getTime() / 1000);
    const list = objects.map(json).join(",\n");
    context.stdout.write(`{ "timestamp" : ${seconds}, \n  "nfacct_counters" : [\n${list}\n] }\n`);
  }
}

/** `reset`, `xml` and `json`, or beginnings of them; of a list each once, and one format. */
function howToShow(words: readonly string[], once: boolean): { readonly format: Format; readonly reset: boolean } {
  let format: Format = "plain";
  let reset = false;
  for (const word of words) {
    const said = (["reset", "xml", "json"] as const).find((each) => each.startsWith(word));
    if (said === undefined) throw new NfacctError(`${NAME}: unknown argument`);
    if (once && (said === "reset" ? reset : format !== "plain"))
      throw new NfacctError(`Error: duplicate "${said}" or collision with another option `);
    if (said === "reset") reset = true;
    else format = said;
  }
  return { format, reset };
}

function list(context: LabContext, words: readonly string[]): void {
  const { format, reset } = howToShow(words, true);
  show(context, accountingObjects(context.net), format, reset);
}

function show(context: LabContext, objects: readonly AccountingObject[], format: Format, reset: boolean): void {
  print(context, objects, format);
  if (reset) for (const object of objects) object.reset();
}

function limitOf(text: string): bigint {
  if (text === "") throw new NfacctError(`${NAME}: error reading quota`);
  return strtoull(text);
}

function add({ net }: LabContext, words: readonly string[]): void {
  const [name, unit, limit, ...more] = words;
  if (name === undefined) throw new NfacctError(`${NAME}: missing object name`);
  if (more.length > 0) throw new NfacctError(`${NAME}: too many arguments`);
  let quota: AccountingQuota | null = null;
  if (unit !== undefined) {
    if (limit === undefined) throw new NfacctError(`${NAME}: missing quota value`);
    if (unit !== "packet" && unit !== "byte") throw new NfacctError(`${NAME}: argument must "byte" or "packet"`);
    quota = { unit, limit: limitOf(limit) };
  }
  addAccounting(net, name, quota);
}

function get(context: LabContext, words: readonly string[]): void {
  const [name, ...how] = words;
  if (name === undefined) throw new NfacctError(`${NAME}: missing object name`);
  const { format, reset } = howToShow(how, false);
  const object = findAccounting(context.net, name);
  if (object === undefined) throw new NfacctError(`${NAME}: error: No such file or directory`);
  show(context, [object], format, reset);
}

function remove({ net }: LabContext, words: readonly string[]): void {
  if (words.length === 0) throw new NfacctError(`${NAME}: missing object name`);
  if (words.length > 1) throw new NfacctError(`${NAME}: too many arguments`);
  deleteAccounting(net, words[0]);
}

function flush({ net }: LabContext, words: readonly string[]): void {
  if (words.length > 0) throw new NfacctError(`${NAME}: too many arguments`);
  flushAccounting(net);
}

/** One line of a list without quotas; what follows the semicolon is not read. */
function restoreLine({ net }: LabContext, line: string): void {
  const semicolon = line.indexOf(";");
  if (semicolon < 0) throw new NfacctError(`${NAME}: invalid line`);
  const parts = /^\{\s*pkts\s*=\s*(\d+),\s*bytes\s*=\s*(\d+)\s*\}\s*=\s*(\S+)/.exec(line.slice(0, semicolon));
  if (parts === null) throw new NfacctError(`${NAME}: error reading input`);
  addAccounting(net, parts[3], null, Number(parts[1]), Number(parts[2]));
}

function* restore(context: LabContext): CommandProcess {
  const text = yield* readAll(context.stdin);
  const lines = text.split("\n");
  if (lines.at(-1) === "") lines.pop();
  for (const line of lines) restoreLine(context, line);
  return 0;
}

/** In the order in which beginnings of their names are looked for. */
const COMMANDS: readonly (readonly [
  string,
  (context: LabContext, words: readonly string[]) => void | CommandProcess,
])[] = [
  ["list", list],
  ["add", add],
  ["delete", remove],
  ["get", get],
  ["flush", flush],
  ["version", ({ stdout }) => void stdout.write(VERSION)],
  ["help", ({ stdout }) => void stdout.write(HELP)],
  ["restore", restore],
  [
    "monitor",
    () => {
      throw new NfacctError("nfacct: monitor is not supported by the lab");
    },
  ],
];

export const nfacct: LabCommand = function* (context) {
  const [name, ...words] = context.args;
  const { stderr } = context;
  if (name === undefined) {
    stderr.write(USAGE);
    return 1;
  }
  const command = COMMANDS.find(([each]) => each.startsWith(name))?.[1];
  if (command === undefined) {
    stderr.write(`${NAME}: Unknown command: ${name}\n${USAGE}`);
    return 1;
  }
  try {
    const takesTime = command(context, words);
    return takesTime === undefined ? 0 : yield* takesTime;
  } catch (error) {
    if (error instanceof SystemError) stderr.write(`${NAME}: error: ${strerror(error.errno)}\n`);
    else if (error instanceof NfacctError) stderr.write(`${error.message}\n`);
    else throw error;
    return 1;
  }
};
