/** Programs that a machine may or may not have, and the Debian package that brings each. */
import { accessSync, constants, statSync } from "node:fs";
import path from "node:path";

/** The Debian 12 package of each program that tests use, by the program's name. @type {Record<string, string>} */
export const DEBIAN_PACKAGE = {
  chromium: "chromium",
  "firefox-esr": "firefox-esr",
  conntrack: "conntrack",
  ip: "iproute2",
  ipset: "ipset",
  iptables: "iptables",
  nft: "nftables",
  nc: "netcat-openbsd",
  nfacct: "nfacct",
  ping: "iputils-ping",
  socat: "socat",
  sysctl: "procps",
  tcpdump: "tcpdump",
  tshark: "tshark",
  "jupyter-nbconvert": "jupyter-nbconvert",
  "jupyter-notebook": "jupyter-notebook",
};

/**
 * Where a program is, looking where a shell would.
 * @param {string} name
 * @param {string} [searchPath]
 * @returns {string | undefined}
 */
export function findProgram(name, searchPath = process.env["PATH"] ?? "") {
  const folders = searchPath.split(path.delimiter).filter((folder) => folder !== "");
  const names = process.platform === "win32" ? [`${name}.exe`, `${name}.cmd`] : [name];
  for (const folder of folders) {
    for (const candidate of names.map((file) => path.join(folder, file))) {
      try {
        accessSync(candidate, constants.X_OK);
        if (statSync(candidate).isFile()) return candidate;
      } catch {
        // not here
      }
    }
  }
  return undefined;
}
