/**
 * The small file system of a host: what commands of a lesson write by redirection and read again, in memory, beside
 * the files of /proc that networking has. No directories are made or listed; nothing is ever written to a disk.
 */
import { EACCES, ENOENT, EPERM, type NetNamespace, SysctlError, strerror } from "@netfilter-lab/engine";
import type { Part } from "./parts.js";
import { appended } from "./streams.js";

/** A refused read or write; the message is strerror's. */
export class FileError extends Error {
  override readonly name = "FileError";
}

/** A file whose text is made when it is read, and which may take writes. */
export interface SpecialFile {
  readonly read: () => string;
  /** Absent: not writable. Throws {@link FileError}. */
  readonly write?: (text: string) => void;
  /** The part of the program that makes the text. */
  readonly part?: Part<unknown>;
}

export class FileSystem {
  readonly #net: NetNamespace;
  readonly #files: Map<string, string> = new Map();
  readonly #special: Map<string, SpecialFile> = new Map();

  constructor(net: NetNamespace) {
    this.#net = net;
    net.readFile = (path) => (this.exists(path) ? this.read(path) : null);
  }

  /** Makes a /proc file known. */
  addSpecial(path: string, file: SpecialFile): void {
    this.#special.set(path, file);
  }

  /** The text of a file. Throws {@link FileError}. */
  read(path: string): string {
    const full = absolute(path);
    if (full === "/dev/null") return "";
    const special = this.#special.get(full);
    if (special !== undefined) return special.read();
    const sysctl = sysctlName(full);
    if (sysctl !== null) {
      const entry = this.#net.sysctl.lookup(sysctl);
      if (entry === undefined) throw new FileError(strerror(ENOENT));
      return `${entry.get()}\n`;
    }
    const text = this.#files.get(full);
    if (text === undefined) throw new FileError(strerror(ENOENT));
    return text;
  }

  /** The part of the program that must be there before a file can be read. */
  partOf(path: string): Part<unknown> | undefined {
    return this.#special.get(absolute(path))?.part;
  }

  /** Whether a file has no length, as none below /proc has, whatever it says when it is read. */
  isEmpty(path: string): boolean {
    const text = this.#files.get(absolute(path));
    return text === undefined || text === "";
  }

  /** The paths of the files of memory, in order; or what those below the working directory are called there. */
  names(relative = false): readonly string[] {
    const paths = [...this.#files.keys()].sort();
    if (!relative) return paths;
    return paths.flatMap((path) => (path.startsWith(`${HOME}/`) ? [path.slice(HOME.length + 1)] : []));
  }

  /** Whether there is such a file, and what it is. */
  exists(path: string): boolean {
    const full = absolute(path);
    if (full === "/dev/null" || this.#special.has(full) || this.#files.has(full)) return true;
    const sysctl = sysctlName(full);
    return sysctl !== null && this.#net.sysctl.lookup(sysctl) !== undefined;
  }

  /** Checks that a file may be written, and empties it when it is to be replaced. Throws {@link FileError}. */
  open(path: string, append: boolean): void {
    const full = absolute(path);
    if (full === "/dev/null") return;
    const special = this.#special.get(full);
    if (special !== undefined) {
      if (special.write === undefined) throw new FileError(strerror(EACCES));
      return;
    }
    const sysctl = sysctlName(full);
    if (sysctl !== null) {
      const entry = this.#net.sysctl.lookup(sysctl);
      if (entry === undefined) throw new FileError(strerror(ENOENT));
      if (entry.set === undefined) throw new FileError(strerror(EACCES));
      return;
    }
    if (full.startsWith("/proc/") || full.startsWith("/sys/")) throw new FileError(strerror(ENOENT));
    if (!append || !this.#files.has(full)) this.#files.set(full, "");
  }

  /** Appends to an opened file; a /proc file takes the text as one `write(2)`. Throws {@link FileError}. */
  write(path: string, text: string): void {
    const full = absolute(path);
    if (full === "/dev/null") return;
    const special = this.#special.get(full);
    if (special !== undefined) {
      special.write?.(text);
      return;
    }
    const sysctl = sysctlName(full);
    if (sysctl === null) {
      this.#files.set(full, appended(this.#files.get(full) ?? "", text));
      return;
    }
    try {
      this.#net.sysctl.lookup(sysctl)?.set?.(text.trim());
    } catch (error) {
      if (error instanceof SysctlError) throw new FileError(strerror(error.errno));
      throw error;
    }
  }

  /** Removes a file of memory. Throws {@link FileError}. */
  remove(path: string): void {
    if (!this.#files.delete(absolute(path))) throw new FileError(strerror(this.exists(path) ? EPERM : ENOENT));
  }
}

/** The working directory of a host's shell: root's home. */
const HOME = "/root";

function absolute(path: string): string {
  const parts: string[] = [];
  for (const part of (path.startsWith("/") ? path : `${HOME}/${path}`).split("/")) {
    if (part === "" || part === ".") continue;
    if (part === "..") parts.pop();
    else parts.push(part);
  }
  return `/${parts.join("/")}`;
}

/** `net.ipv4.ip_forward` of `/proc/sys/net/ipv4/ip_forward`; null for other paths. A dot in a device's name stays. */
function sysctlName(path: string): string | null {
  return path.startsWith("/proc/sys/") ? path.slice("/proc/sys/".length).replaceAll("/", ".") : null;
}
