/**
 * `nfct` of conntrack-tools 1.4.7: timeout policies, which `-j CT --timeout` gives to connections, and the trackers'
 * own timeouts. The subsystem `helper` is about helpers in programs of their own, which no kernel here can talk to: it
 * is refused as by a kernel without nfnetlink_cthelper.
 */
import {
  addTimeoutPolicy,
  defaultTimeouts,
  deleteTimeoutPolicy,
  EINVAL,
  ENOENT,
  flushTimeoutPolicies,
  IPPROTO_GENERIC,
  listTimeouts,
  type NetNamespace,
  SystemError,
  setDefaultTimeouts,
  type TimeoutPolicy,
  timeoutProtocol,
} from "@netfilter-lab/engine";
import type { LabCommand } from "../../environment.js";
import { atol } from "./numbers.js";

const VERSION = "nfct v1.4.7";
const USAGE = "Usage: nfct command subsystem [parameters]...";

/** A complaint behind the tool's name. */
class NfctError extends Error {
  override readonly name = "NfctError";
}

const FAMILIES: ReadonlyMap<string, number> = new Map([
  ["inet", 2],
  ["inet6", 10],
]);
const PROTOCOLS: ReadonlyMap<string, number> = new Map([
  ["tcp", 6],
  ["udp", 17],
  ["udplite", 136],
  ["icmp", 1],
  ["icmpv6", 58],
  ["sctp", 132],
  ["dccp", 33],
  ["gre", 47],
  ["generic", IPPROTO_GENERIC],
]);
/** The tool knows the states of DCCP, which the kernel refuses. */
const DCCP_STATES = ["REQUEST", "RESPOND", "PARTOPEN", "OPEN", "CLOSEREQ", "CLOSING", "TIMEWAIT"];

function missing(syntax: string): NfctError {
  return new NfctError(`missing parameters\nsyntax: nfct ${syntax}`);
}

/** A family and a protocol by their names. */
function parseProtocol(family: string, name: string): { readonly l3num: number; readonly protonum: number } {
  const l3num = FAMILIES.get(family);
  if (l3num === undefined) throw new NfctError("unknown layer 3 protocol");
  const protonum = PROTOCOLS.get(name.toLowerCase());
  if (protonum === undefined) throw new NfctError("unknown layer 4 protocol");
  return { l3num, protonum };
}

/** Seconds by the names of a protocol's states. */
function parseTimeouts(name: string, protonum: number, words: readonly string[]): Map<string, number> {
  const states = timeoutProtocol(protonum)?.states.map(([state]) => state) ?? DCCP_STATES;
  const seconds = new Map<string, number>();
  for (let at = 0; at < words.length; at += 2) {
    if (words[at + 1] === undefined) throw new NfctError("missing value for this timeout");
    const state = words[at].toUpperCase();
    if (!states.includes(state)) throw new NfctError(`Wrong state name: \`${words[at]}' for protocol \`${name}'`);
    seconds.set(state, atol(words[at + 1]) >>> 0);
  }
  return seconds;
}

/** What is listed of a protocol's timeouts. */
function body(l3num: number, protonum: number, timeouts: readonly number[]): string {
  const protocol = timeoutProtocol(protonum);
  const lines = protocol === undefined ? [] : listTimeouts(protocol, timeouts);
  const states = lines.map(([state, seconds]) => `\t\t.${state} = ${seconds},\n`).join("");
  return `\t.l3proto = ${l3num},\n\t.l4proto = ${protonum},\n\t.policy = {\n${states}\t},\n};\n`;
}

function shown({ name, l3num, protocol, timeouts }: TimeoutPolicy): string {
  return `.${name} = {\n${body(l3num, protocol.protonum, timeouts)}`;
}

function atMost(words: readonly string[], count: number): void {
  if (words.length > count) throw new NfctError("too many arguments");
}

/** A policy's name is cut to what the library holds of it. Models `char name[CTNL_TIMEOUT_NAME_MAX]`. */
const NAME_LENGTH = 31;

/** The commands of the subsystem `timeout`: what each prints. */
const TIMEOUT: Readonly<Record<string, (net: NetNamespace, words: readonly string[]) => string>> = {
  list({ ct }, words) {
    atMost(words, 0);
    return [...ct.timeoutPolicies.values()].map(shown).join("");
  },
  add({ ct }, [name, family, protocol, ...states]) {
    if (protocol === undefined) throw missing("add timeout name family protocol state1 timeout1 ...");
    const { l3num, protonum } = parseProtocol(family, protocol);
    addTimeoutPolicy(ct, name.slice(0, NAME_LENGTH), l3num, protonum, parseTimeouts(protocol, protonum, states));
    return "";
  },
  get({ ct }, words) {
    const [name] = words;
    if (name === undefined) throw new NfctError("missing timeout policy name");
    atMost(words, 1);
    const policy = ct.timeoutPolicies.get(name.slice(0, NAME_LENGTH));
    if (policy === undefined) throw new SystemError(ENOENT);
    return shown(policy);
  },
  delete({ ct }, words) {
    const [name] = words;
    if (name === undefined) throw new NfctError("missing timeout policy name");
    atMost(words, 1);
    deleteTimeoutPolicy(ct, name.slice(0, NAME_LENGTH));
    return "";
  },
  flush({ ct }, words) {
    atMost(words, 0);
    flushTimeoutPolicies(ct);
    return "";
  },
  "default-set"({ ct }, [family, protocol, ...states]) {
    if (states.length === 0) throw missing("default-set timeout family protocol state1 timeout1...");
    const { protonum } = parseProtocol(family, protocol);
    setDefaultTimeouts(ct, protonum, parseTimeouts(protocol, protonum, states));
    return "";
  },
  "default-get"({ ct }, [family, name]) {
    if (name === undefined) throw missing("default-get timeout family protocol");
    const { l3num, protonum } = parseProtocol(family, name);
    return body(l3num, protonum, defaultTimeouts(ct, protonum));
  },
};

/** The names of the commands of the subsystem `timeout`. */
export const TIMEOUT_COMMANDS: readonly string[] = Object.keys(TIMEOUT);

/** The helpers that come with the tool, and the protocols of each. */
const HELPERS: Readonly<Record<string, readonly string[]>> = {
  amanda: ["udp"],
  dhcpv6: ["udp"],
  ftp: ["tcp"],
  mdns: ["udp"],
  rpc: ["tcp", "udp"],
  sane: ["tcp"],
  slp: ["udp"],
  ssdp: ["tcp", "udp"],
  tftp: ["udp"],
  tns: ["tcp"],
};

/** A command of the subsystem `helper`, up to where the kernel would be asked. */
function askHelpers(command: string, words: readonly string[]): never {
  const [name, family, protocol] = words;
  const adds = command === "add" || command === "disable";
  if (command === "list" || command === "flush") atMost(words, 0);
  else if (adds && protocol === undefined) throw missing(`${command} helper name family protocol`);
  else if (name === undefined) throw new NfctError("missing helper policy name");
  else if (!adds) atMost(words, 3);
  if (family !== undefined && !FAMILIES.has(family)) throw new NfctError("unknown layer 3 protocol");
  if (protocol !== undefined && !["tcp", "udp"].includes(protocol)) throw new NfctError("unsupported layer 4 protocol");
  if (adds && !(HELPERS[name] ?? []).includes(protocol)) throw new NfctError("that helper is not supported");
  throw new SystemError(EINVAL);
}

const COMMANDS: readonly string[] = ["list", "add", "delete", "get", "flush", "disable", "default-set", "default-get"];
const SUBSYSTEMS: readonly string[] = ["timeout", "helper", "version", "help"];

/** What a word stands for that may be cut short: the first of these that begins so. */
function cutShort(words: readonly string[], word: string): string | undefined {
  return words.find((each) => each.startsWith(word));
}

const LICENSE = `utility for the Netfilter's Connection Tracking System
Copyright (C) 2012 Pablo Neira Ayuso <pablo@netfilter.org>
This program comes with ABSOLUTELY NO WARRANTY.
This is free software, and you are welcome to redistribute it under certain 
conditions; see LICENSE file distributed in this package for details.`;

function carryOut(net: NetNamespace, [first, second, ...words]: readonly string[]): string {
  if (second === undefined) throw new NfctError("");
  // Either may come first.
  const inOrder = cutShort(COMMANDS, first);
  const subsystem = cutShort(SUBSYSTEMS, inOrder === undefined ? first : second);
  if (subsystem === undefined) throw new NfctError(`Unknown subsystem: ${first}\n${USAGE}`);
  const command = inOrder ?? cutShort(COMMANDS, second);
  if (command === undefined) throw new NfctError(`Unknown command: ${first}\n${USAGE}`);
  if (subsystem === "version") return `${VERSION}: ${LICENSE}\n`;
  if (subsystem === "helper") return askHelpers(command, words);
  if (TIMEOUT[command] !== undefined) return TIMEOUT[command](net, words);
  throw new NfctError(
    "Missing command\nnfct <list|add|delete|get|default-set|default-get|flush> timeout [<parameters>, ...]",
  );
}

/** `nfct`. */
export const nfct: LabCommand = ({ net, args, stdout, stderr }) => {
  try {
    stdout.write(carryOut(net, args));
    return 0;
  } catch (error) {
    if (error instanceof SystemError) stderr.write(`${VERSION}: netlink error: ${error.message}\n`);
    else if (error instanceof NfctError)
      stderr.write(error.message === "" ? `${USAGE}\n` : `${VERSION}: ${error.message}\n`);
    else throw error;
    return 1;
  }
};
