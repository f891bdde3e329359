/** The files that `sysctl` loads, `-p` and `--system`, and what `-r` chooses. */
import type { CommandProcess } from "../command.js";
import type { LabContext } from "../environment.js";
import type { FileSystem } from "../files.js";
import { readAll } from "../streams.js";
import { globbing } from "./glob.js";
import { RegexError, translateExtended } from "./regex.js";
import { type Setting, type SysctlTool, sysctlKey } from "./sysctl.js";

/** The folders of `--system`, the first of which that has a file counts; sysctl(8). */
const FOLDERS = ["/etc/sysctl.d", "/run/sysctl.d", "/usr/local/lib/sysctl.d", "/usr/lib/sysctl.d", "/lib/sysctl.d"];
const DEFAULT_FILE = "/etc/sysctl.conf";

/** A host without the file has Debian's, which has nothing but comments. */
const isThere = (files: FileSystem, name: string): boolean => name === DEFAULT_FILE || files.exists(name);

const isGlob = (text: string): boolean => /[*?[]/.test(text);

/** What `-r` lets through: what an extended regular expression finds, one that is none nothing; null is everything. */
export function passing(pattern: string | null): (name: string) => boolean {
  if (pattern === null) return () => true;
  try {
    const regex = new RegExp(translateExtended(pattern));
    return (name) => regex.test(name);
  } catch (error) {
    if (!(error instanceof RegexError) && !(error instanceof SyntaxError)) throw error;
    return () => false;
  }
}

/** One file's settings, added; what of it sets nothing is complained of. */
function readSettings(tool: SysctlTool, name: string, text: string, settings: Setting[]): void {
  const lines = text.match(/[^\n]*\n|[^\n]+$/g) ?? [];
  for (const [index, line] of lines.entries()) {
    const setting = tool.setting(name, index + 1, line);
    if (setting !== null) settings.push(setting);
  }
}

/**
 * Sets what files say, all of them read before the first is set. A pattern stands for every tunable (and every folder
 * of them, which cannot be written) that no line names. Models `write_setting_list()`.
 */
function apply(tool: SysctlTool, settings: readonly Setting[]): void {
  const named = new Set(settings.filter(({ key }) => !isGlob(key)).map(({ key }) => sysctlKey(key)));
  for (const setting of settings) {
    const { key, value } = setting;
    if (value === null) continue;
    if (!isGlob(key)) {
      tool.write(setting);
      continue;
    }
    const pattern = sysctlKey(key);
    const matches = globbing(pattern, ".");
    const depth = pattern.split(".").length;
    const names = new Set(tool.list().map(({ name }) => name.split(".").slice(0, depth).join(".")));
    for (const name of [...names].sort())
      if (matches(name) && !named.has(name) && tool.passes(name)) tool.write({ key: name, value });
  }
}

/** `-p`: the files that are named (`-` is the standard input), by patterns too; without a name the host's own. */
export function* load(tool: SysctlTool, { host, stdin }: LabContext, named: readonly string[]): CommandProcess {
  const { files } = host;
  const settings: Setting[] = [];
  for (const name of named.length === 0 ? [DEFAULT_FILE] : named) {
    if (name === "-") {
      readSettings(tool, name, yield* readAll(stdin), settings);
      continue;
    }
    const found = isGlob(name) ? files.names(!name.startsWith("/")).filter(globbing(name, "/")) : [name];
    for (const file of found.length === 0 ? [name] : found)
      if (isThere(files, file)) readSettings(tool, file, textOf(files, file), settings);
      else tool.fail(`cannot open "${file}": No such file or directory`);
  }
  apply(tool, settings);
  return tool.status;
}

/** `--system`: the files of {@link FOLDERS} by their names, and the host's own. */
export function loadSystem(tool: SysctlTool, { host, stdout }: LabContext): number {
  const { files } = host;
  const settings: Setting[] = [];
  const byName = new Map<string, string>();
  for (const folder of FOLDERS)
    for (const file of files.names()) {
      const name = file.slice(folder.length + 1);
      if (file === `${folder}/${name}` && /^[^/]+\.conf$/.test(name) && !byName.has(name)) byName.set(name, file);
    }
  const ordered = [...byName].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, file]) => file);
  for (const file of [...ordered, DEFAULT_FILE]) {
    stdout.write(`* Applying ${file} ...\n`);
    readSettings(tool, file, textOf(files, file), settings);
  }
  apply(tool, settings);
  return tool.status;
}

const textOf = (files: FileSystem, name: string): string => (files.exists(name) ? files.read(name) : "");
