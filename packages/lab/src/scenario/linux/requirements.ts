/// <reference types="node" />
/** What running scenarios on this machine's Linux needs, and what of it is missing, in words. */
import { accessSync, constants, existsSync } from "node:fs";
import path from "node:path";
import process from "node:process";
import { loadLibc } from "./libc.js";

/** Programs that scenarios use, and the packages of Debian that have them. */
const PROGRAMS: readonly (readonly [program: string, debianPackage: string])[] = [
  ["bash", "bash"],
  ["ip", "iproute2"],
  ["iptables", "iptables"],
  ["conntrack", "conntrack"],
  ["sysctl", "procps"],
];

/** The search path of commands: the caller's, and where Debian keeps what root uses. */
export function commandPath(given: string = process.env.PATH ?? ""): string {
  const folders = given.split(path.delimiter).filter((folder) => folder !== "");
  for (const folder of ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"])
    if (!folders.includes(folder)) folders.push(folder);
  return folders.join(path.delimiter);
}

/** The machine as {@link missingOn} asks for it; tests bring their own. */
export interface Machine {
  readonly platform: string;
  readonly uid: number;
  /** Whether a program is on the search path. */
  hasProgram(name: string): boolean;
  /** Whether TUN devices can be made. */
  readonly hasTun: boolean;
  /** Loads what calls the C library; throws when it cannot. */
  loadLibc(): void;
}

/** One sentence for each thing that is missing; none when all is there. */
export function missingOn(machine: Machine): string[] {
  if (machine.platform !== "linux") return [`needs Linux, and this is ${machine.platform}`];
  const missing: string[] = [];
  if (machine.uid !== 0) missing.push("needs root (network namespaces)");
  const programs = PROGRAMS.filter(([program]) => !machine.hasProgram(program));
  if (programs.length > 0) {
    const names = programs.map(([program]) => program).join(", ");
    const packages = programs.map(([, debianPackage]) => debianPackage).join(" ");
    missing.push(`there is no ${names}: apt-get install ${packages}`);
  }
  if (!machine.hasTun) missing.push("there is no /dev/net/tun: modprobe tun");
  try {
    machine.loadLibc();
  } catch (error) {
    missing.push(`the npm package koffi does not load (${(error as Error).message.split("\n")[0]}): npm install koffi`);
  }
  return missing;
}

/** This machine. */
export function thisMachine(): Machine {
  const folders = commandPath().split(path.delimiter);
  return {
    platform: process.platform,
    uid: process.getuid?.() ?? -1,
    hasProgram: (name) =>
      folders.some((folder) => {
        try {
          accessSync(path.join(folder, name), constants.X_OK);
          return true;
        } catch {
          return false;
        }
      }),
    hasTun: existsSync("/dev/net/tun"),
    loadLibc: () => void loadLibc(),
  };
}
