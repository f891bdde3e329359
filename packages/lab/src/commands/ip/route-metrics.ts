/**
 * The metrics of `ip route` beside the MTU, which say how connections behave that take a route: read, kept and printed
 * of both families. Models iproute2's `iproute_modify()` and print_rta_metrics(), and the kernel's
 * `ip_metrics_convert()`.
 */
import type { RouteMetrics } from "@netfilter-lab/engine";
import type { MetricReader } from "./route-words.js";
import { IpError, numberOf, type Words, wrongArgument } from "./words.js";

type Name =
  | "window"
  | "rtt"
  | "rttvar"
  | "ssthresh"
  | "cwnd"
  | "advmss"
  | "reordering"
  | "hoplimit"
  | "initcwnd"
  | "features"
  | "rto_min"
  | "initrwnd"
  | "quickack"
  | "congctl"
  | "fastopen_no_cookie";

/** In the order of their numbers (`RTAX_*`), in which they are printed. */
const ORDER: readonly Name[] = [
  "window",
  "rtt",
  "rttvar",
  "ssthresh",
  "cwnd",
  "advmss",
  "reordering",
  "hoplimit",
  "initcwnd",
  "features",
  "rto_min",
  "initrwnd",
  "quickack",
  "congctl",
  "fastopen_no_cookie",
];

/** Those that are times, in milliseconds, and how many parts of one they are kept in. */
const TIMES: Readonly<Partial<Record<Name, number>>> = { rtt: 8, rttvar: 4, rto_min: 1 };
/** Before these no `lock` is read. */
const NEVER_LOCKED: readonly Name[] = ["rto_min", "features", "quickack", "fastopen_no_cookie"];
const FEATURE_ECN = 1;
/** The congestion controls of a kernel as Debian's, with no module loaded. */
const CONGESTION_CONTROLS: readonly string[] = ["reno", "cubic"];
/** What the kernel cuts a metric to. */
const MOST: Readonly<Partial<Record<Name, number>>> = { advmss: 65_535 - 40, hoplimit: 255 };

/** A time with a unit, or the number that is kept. Models get_time_rtt(). */
function timeOf(text: string, name: Name, parts: number): number {
  const what = `"${name}" value is invalid\n`;
  const [, digits, unit] = /^\s*\+?(\d+\.?\d*|\.\d+)([a-z]*)$/i.exec(text) ?? [];
  if (digits === undefined) throw wrongArgument(text, what);
  const value = Number(digits);
  const lower = unit.toLowerCase();
  if (lower === "") return Math.ceil(value);
  if (["s", "sec", "secs"].includes(lower)) return Math.ceil(value * 1000) * parts;
  if (["ms", "msec", "msecs"].includes(lower)) return Math.ceil(value) * parts;
  throw wrongArgument(text, what);
}

function timeText(value: number): string {
  return value >= 1000 ? `${Number((value / 1000).toPrecision(6))}s` : `${value}ms`;
}

class Metrics implements MetricReader {
  readonly #values: Map<Name, number | string> = new Map();
  readonly #locked: Set<Name> = new Set();

  take(word: string, words: Words): boolean {
    const name = ORDER.find((each) => each === word);
    if (name === undefined) return false;
    if (!NEVER_LOCKED.includes(name) && words.take("lock")) this.#locked.add(name);
    if (name === "rto_min") this.#locked.add(name);
    this.#values.set(name, this.#value(name, words.next()));
    return true;
  }

  #value(name: Name, text: string): number | string {
    const parts = TIMES[name];
    if (parts !== undefined) return timeOf(text, name, parts);
    if (name === "congctl") return text;
    if (name === "features") {
      if (text !== "ecn") throw wrongArgument(text, '"features" value not valid\n');
      return FEATURE_ECN;
    }
    const what = `"${name === "advmss" ? "mss" : name}" value is invalid\n`;
    const value = numberOf(text, what, name === "hoplimit" ? 255 : undefined);
    if ((name === "quickack" || name === "fastopen_no_cookie") && value > 1)
      throw wrongArgument(text, `"${name}" value should be 0 or 1\n`);
    return Math.min(value, MOST[name] ?? value);
  }

  made(): RouteMetrics | null {
    const values = new Map<string, string>();
    let text = "";
    for (const name of ORDER) {
      const value = this.#values.get(name);
      // The kernel tells of none that is 0.
      if (value === undefined || value === 0) continue;
      if (typeof value === "string" && !CONGESTION_CONTROLS.includes(value))
        throw new IpError("Error: Unknown tcp congestion algorithm.", 2);
      values.set(name, String(value));
      text += `${name} ${this.#locked.has(name) ? "lock " : ""}${this.#text(name, value)} `;
    }
    const number = (name: Name): number => Number(values.get(name) ?? 0);
    return values.size === 0 ? null : { text, values, hopLimit: number("hoplimit"), advmss: number("advmss") };
  }

  #text(name: Name, value: number | string): string {
    const parts = TIMES[name];
    if (parts !== undefined) return timeText(Math.floor((value as number) / parts));
    return name === "features" ? "ecn" : String(value);
  }
}

/** A reader for the words of one route. */
export function metricReader(): MetricReader {
  return new Metrics();
}
