/**
 * `iptables-xml`: the text of iptables-save as XML. It knows no extension: what follows `-m` and `-j` are tags, options
 * below them, and words without an option are text, so that it takes nonsense as well.
 */
import type { CommandProcess } from "../command.js";
import type { FileCommand, FileContext } from "../environment.js";
import { FileError } from "../files.js";
import { readAll } from "../streams.js";
import { OptionError, type OptionSpec, parseOptions } from "./getopt.js";
import { type RestoreWord, restoreWords } from "./iptables-restore.js";
import { IPTABLES_VERSION, STATUS_OTHER, STATUS_PARAMETER } from "./iptables-tool.js";

const NAME = "iptables-xml";

const OPTIONS: OptionSpec = {
  short: "cvh",
  long: {
    combine: { key: "c", value: "none" },
    verbose: { key: "v", value: "none" },
    help: { key: "h", value: "none" },
  },
};

const USAGE = `Usage: ${NAME} [-c] [-v] [-h]
          [--combine ]
\t   [ --verbose ]
\t   [ --help ]
`;

/** Chains have longer names nowhere. */
const MAX_CHAIN_NAME = 32;
/** Behind these nothing of the next rule can be done. */
const TERMINATING: readonly string[] = ["ACCEPT", "DROP", "QUEUE", "RETURN"];

const ENTITIES: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };

/** Text between tags and in attributes; bytes beyond ASCII by their numbers. */
function encoded(text: string): string {
  let out = "";
  for (const byte of new TextEncoder().encode(text)) {
    const mark = String.fromCharCode(byte);
    out += byte > 126 ? `&#${byte};` : (ENTITIES[mark] ?? mark);
  }
  return out;
}

/** A remark: no two dashes may stand together in it, and every second one gets a blank besides. */
function remark(text: string): string {
  let dashes = 0;
  return `<!-- ${text.replace(/-/g, () => (++dashes % 2 === 0 ? " *-" : "*-"))} -->\n`;
}

class LineFailure extends Error {
  readonly status: number;

  constructor(message: string, status: number) {
    super(message);
    this.status = status;
  }
}

const isLead = (word: RestoreWord | undefined, ...leads: readonly string[]): boolean =>
  word !== undefined && !word.quoted && leads.includes(word.text);
const isTarget = (word: RestoreWord | undefined): boolean => isLead(word, "-j", "-g");

/** The tags of a rule's conditions, or of its actions. */
class Tags {
  text = "";
  /** The tag of an extension that is open, and that of an option below it. */
  #outer: string | null = null;
  #inner: string | null = null;
  /** What stands before the next word. */
  #space = "";

  constructor(words: readonly RestoreWord[], from: number, to: number, isChain: (name: string) => boolean) {
    const first = isLead(words[from], "!") ? words[from + 1] : words[from];
    if (first?.text.startsWith("-") && !isTarget(first) && first.text !== "-m") this.#openOuter("match", false);
    let inverted = false;
    for (let at = from; at < to; at++) {
      const word = words[at];
      const next = words[at + 1];
      if (isLead(word, "!")) {
        inverted = next?.text.startsWith("-") ?? false;
        if (!inverted) this.text += `${this.#space}!`;
        this.#space = " ";
      } else if (isTarget(word) || isLead(word, "-m")) {
        if (next === undefined) break;
        this.#close();
        inverted = false;
        at++;
        if (isTarget(word) && isChain(next.text)) {
          this.#openOuter(word.text === "-g" ? "goto" : "call", false);
          this.text += `          <${next.text} />\n`;
        } else
          this.#openOuter(
            next.text,
            words[at + 1] === undefined || isTarget(words[at + 1]) || isLead(words[at + 1], "-m"),
          );
      } else if (!word.quoted && word.text.startsWith("-")) {
        this.#closeInner();
        this.#space = "";
        const tag = word.text.replace(/^-+/, "");
        this.text += `          <${tag} ${inverted ? ' invert="1"' : ""}`;
        inverted = false;
        const empty = next === undefined || next.text.startsWith("-");
        this.text += empty ? " />\n" : ">";
        this.#inner = empty ? null : tag;
      } else {
        const quote = word.quoted || word.text.includes(" ") ? "&quot;" : "";
        this.text += `${this.#space}${quote}${encoded(word.text)}${quote}`;
        this.#space = " ";
      }
    }
    this.#close();
  }

  #openOuter(tag: string, empty: boolean): void {
    this.text += `        <${tag} ${empty ? " />" : ">"}\n`;
    this.#outer = empty ? null : tag;
  }

  #closeInner(): void {
    if (this.#inner !== null) this.text += `</${this.#inner}>\n`;
    this.#inner = null;
  }

  #close(): void {
    this.#closeInner();
    if (this.#outer !== null) this.text += `        </${this.#outer}>\n`;
    this.#outer = null;
    this.#space = "";
  }
}

interface SavedChain {
  readonly name: string;
  readonly policy: string;
  readonly packets: string;
  readonly bytes: string;
  isWritten: boolean;
}

function counted({ packets, bytes }: { readonly packets: string; readonly bytes: string }): string {
  return `packet-count="${encoded(packets)}" byte-count="${encoded(bytes)}" `;
}

class Document {
  out = "";
  readonly #combine: boolean;
  readonly #verbose: boolean;
  #line = 0;
  #table: string | null = null;
  #chains: SavedChain[] = [];
  /** The chain whose tag is open. */
  #chain: SavedChain | null = null;
  /** The rule whose actions are open. */
  #rule: readonly RestoreWord[] | null = null;

  constructor(combine: boolean, verbose: boolean) {
    this.#combine = combine;
    this.#verbose = verbose;
  }

  run(text: string): void {
    if (this.#verbose) this.out += "xptables-xml\n";
    this.out += '<iptables-rules version="1.0">\n';
    const lines = text.split("\n");
    if (lines.at(-1) === "") lines.pop();
    for (const line of lines) {
      this.#line++;
      this.#read(line);
    }
    if (this.#table !== null)
      throw new LineFailure(`${NAME}: COMMIT expected at line ${this.#line + 1}\n`, STATUS_OTHER);
    this.out += "</iptables-rules>\n";
  }

  #parameter(message: string): LineFailure {
    const hint = `Try \`${NAME} -h' or '${NAME} --help' for more information.\n`;
    return new LineFailure(
      `${NAME} v${IPTABLES_VERSION}: ${message}\nError occurred at line: ${this.#line}\n${hint}`,
      STATUS_PARAMETER,
    );
  }

  #read(line: string): void {
    if (line === "") return;
    if (line.startsWith("#")) {
      this.out += remark(line);
      return;
    }
    if (this.#verbose) this.out += remark(`line ${this.#line} ${line}`);
    if (line === "COMMIT" && this.#table !== null) this.#endTable();
    else if (line.startsWith("*"))
      this.#startTable(
        line
          .slice(1)
          .trim()
          .split(/[ \t]+/)[0],
      );
    else if (line.startsWith(":") && this.#table !== null)
      this.#addChain(
        line
          .slice(1)
          .trim()
          .split(/[ \t]+/),
      );
    else if (this.#table !== null) this.#addRule(line);
    else throw new LineFailure(`${NAME}: line ${this.#line} failed\n`, STATUS_OTHER);
  }

  #startTable(name: string): void {
    if (name === "") throw this.#parameter(`${NAME}: line ${this.#line} table name invalid`);
    this.#endTable();
    this.#table = name;
    this.out += `  <table name="${encoded(name)}" >\n`;
  }

  #endTable(): void {
    if (this.#table === null) return;
    this.#closeChain();
    for (const chain of this.#chains) if (!chain.isWritten) this.out += `${this.#chainTag(chain)}/>\n`;
    this.out += "  </table>\n";
    this.#chains = [];
    this.#rule = null;
    this.#table = null;
  }

  #addChain([name, policy, figures = ""]: readonly string[]): void {
    if (name === "") throw this.#parameter(`${NAME}: line ${this.#line} chain name invalid`);
    if (policy === undefined) throw this.#parameter(`${NAME}: line ${this.#line} policy invalid`);
    const [, packets = "0", bytes = "0"] = /^\[(\d+):(\d+)/.exec(figures) ?? [];
    this.#chains.push({ name: name.slice(0, MAX_CHAIN_NAME), policy, packets, bytes, isWritten: false });
  }

  #chainTag(chain: SavedChain): string {
    const policy = chain.policy === "-" ? "" : `policy="${encoded(chain.policy)}" `;
    return `    <chain name="${encoded(chain.name)}" ${policy}${counted(chain)}`;
  }

  #closeRule(): void {
    if (this.#rule !== null) this.out += "       </actions>\n\n      </rule>\n\n";
    this.#rule = null;
  }

  #closeChain(): void {
    if (this.#chain === null) return;
    this.#closeRule();
    this.out += "    </chain>\n";
    this.#chain = null;
  }

  /** Opens the tag of a chain, where it was told of. */
  #openChain(name: string): void {
    const chain = this.#chains.find((each) => each.name === name);
    if (chain === undefined || chain === this.#chain) return;
    this.#closeRule();
    this.#closeChain();
    this.out += `${this.#chainTag(chain)}>\n`;
    chain.isWritten = true;
    this.#chain = chain;
  }

  #addRule(line: string): void {
    let rest = line;
    let counters = "";
    if (line.startsWith("[")) {
      const [all, packets, bytes] = /^\[([^:\]]*):([^\]]*)\]/.exec(line) ?? [];
      if (all === undefined) throw this.#parameter(`Bad line ${this.#line}: need ]`);
      counters = counted({ packets, bytes });
      rest = line.slice(all.length);
    }
    const words = restoreWords(`${rest}\n`);
    if (words[0]?.text !== "-A" || words[1] === undefined)
      throw new LineFailure(`${NAME}: line ${this.#line} failed - no chain found\n`, STATUS_OTHER);
    const target = words.findIndex(isTarget);
    const end = target < 0 ? words.length : target;
    const isChain = (name: string): boolean => this.#chains.some((chain) => chain.name === name);
    if (this.#combine && this.#goesWith(words, end)) this.out += "<!-- Combine action from next rule -->\n";
    else {
      this.#closeRule();
      this.#openChain(words[1].text);
      this.out += `      <rule ${counters}>\n`;
      if (end > 2) this.out += `       <conditions>\n${new Tags(words, 2, end, isChain).text}       </conditions>\n`;
      this.out += "       <actions>\n";
    }
    this.#rule = words;
    if (target >= 0) this.out += new Tags(words, target, words.length, isChain).text;
  }

  /** Whether a rule asks for the same as the one before, which asked for something and let packets go on. */
  #goesWith(words: readonly RestoreWord[], end: number): boolean {
    const before = this.#rule;
    if (before === null || end === words.length || end < 3) return false;
    const same = words.slice(0, end).every((word, i) => word.text === before[i]?.text);
    return same && isLead(before[end], "-j") && !TERMINATING.includes(before[end + 1]?.text ?? "");
  }
}

/** What a file says; null where there is none. */
function readFile({ host }: FileContext, path: string): string | null {
  try {
    return host.files.read(path);
  } catch (error) {
    if (error instanceof FileError) return null;
    throw error;
  }
}

function* run(context: FileContext): CommandProcess {
  const { args, stdout, stderr, stdin } = context;
  let keys: readonly string[] = [];
  let operands: readonly string[] = [];
  try {
    const parsed = parseOptions(NAME, args, OPTIONS);
    keys = parsed.options.map(({ key }) => key);
    operands = parsed.operands;
  } catch (error) {
    if (!(error instanceof OptionError)) throw error;
    // It goes on without.
    stderr.write(`${error.message}\n`);
  }
  if (keys.includes("h")) {
    stderr.write(USAGE);
    return STATUS_OTHER;
  }
  if (operands.length > 1) {
    stderr.write("Unknown arguments found on commandline");
    return STATUS_OTHER;
  }
  const text = operands.length === 0 ? yield* readAll(stdin) : readFile(context, operands[0]);
  if (text === null) {
    stderr.write(`Can't open ${operands[0]}: No such file or directory`);
    return STATUS_OTHER;
  }
  const document = new Document(keys.includes("c"), keys.includes("v"));
  let status = 0;
  try {
    document.run(text);
  } catch (error) {
    if (!(error instanceof LineFailure)) throw error;
    stderr.write(error.message);
    status = error.status;
  }
  stdout.write(document.out);
  return status;
}

export const iptablesXml: FileCommand = (context) => run(context);
