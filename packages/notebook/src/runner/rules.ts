/**
 * What may differ between what the engine prints and what a running kernel prints, and how it is made the same before
 * the comparison. Each rule is one named function with its reason; a rule changes words in lines and the order of a
 * table's lines, and takes no line away (lines of several CPUs are added up).
 */

/** What rules know of the lesson besides the text. */
export interface Surroundings {
  /** Numbers that the lesson's cells and prose name: a port that stands there was not chosen at random. */
  readonly named: ReadonlySet<string>;
  /**
   * Ranges of ports that the lesson gives NAT to choose from: a port in one of them was chosen, though its ends are
   * named.
   */
  readonly ranges?: readonly (readonly [low: number, high: number])[];
}

/** One rule: rewrites one side. */
export type Rule = (text: string, surroundings: Surroundings) => string;

/** Names things by the order in which they are first seen. */
function numbering(label: string): (key: string) => string {
  const seen = new Map<string, number>();
  return (key) => {
    if (!seen.has(key)) seen.set(key, seen.size + 1);
    return `${label}${seen.get(key)}`;
  };
}

const TABLE_LINE = /^ *(?:ipv4 +2 +)?(?:tcp|udp|icmp|gre|sctp|unknown) +\d+ .*\bsrc=/;

/** The conntrack hash has no order: lines of `conntrack -L` that stand together are sorted by all but their numbers. */
export function orderOfTable(text: string): string {
  const lines = text.split("\n");
  for (let from = 0; from < lines.length; from++) {
    if (!TABLE_LINE.test(lines[from]!)) continue;
    let to = from;
    while (to < lines.length && TABLE_LINE.test(lines[to]!)) to++;
    const key = (line: string): string => line.replace(/^ *(\w+ +\d+) +\d+ /, "$1 ").replace(/\bid=\d+/g, "");
    const sorted = lines.slice(from, to).sort((a, b) => (key(a) < key(b) ? -1 : key(a) > key(b) ? 1 : 0));
    lines.splice(from, to - from, ...sorted);
    from = to;
  }
  return lines.join("\n");
}

/** The same for the drawn table, whose entries are two lines of text, a row of HTML, a box of Mermaid. */
export function orderOfDrawnTable(text: string): string {
  const key = (entry: string): string => entry.replace(/\b\d+ ?s\b/, "").replace(/\bid #?\d+/g, "id");
  const sorted = (entries: readonly string[]): string[] =>
    [...entries].sort((a, b) => (key(a) < key(b) ? -1 : key(a) > key(b) ? 1 : 0));
  const inPlaces = (all: string, entry: RegExp): string => {
    const entries = sorted(all.match(entry) ?? []);
    return all.replace(entry, () => entries.shift() ?? "");
  };
  return text
    .replace(/(?:^.* ORIGINAL {2}.*\n.* REPLY {2}.*(?:\n|$))+/gm, (rows) => inPlaces(rows, /.*\n.*(?:\n|$)/g))
    .replace(/(?:^ *<tr.*>ORIGINAL<.*\n)+/gm, (rows) => inPlaces(rows, /.*\n/g))
    .replace(/ {2}table\["Conntrack table(?:.*\n)+/g, (boxes) => inPlaces(boxes, /(?<=e\d+\[").*(?="\])/g));
}

/** `conntrack -S` has a line for each CPU, the engine has one CPU: lines that stand together are added up. */
export function statisticsOfCpus(text: string): string {
  return text.replace(/(?:^ *cpu=\d+ .*(?:\n|$))+/gm, (block) => {
    const lines = block.match(/.+/g) ?? [];
    const sums = new Map<string, number>();
    for (const line of lines)
      for (const [, key, value] of line.matchAll(/(\w+)=(\d+)/g)) sums.set(key!, (sums.get(key!) ?? 0) + Number(value));
    const sum = lines[0]!.replace(/(\w+)=\d+/g, (_all, key: string) =>
      key === "cpu" ? "cpu=*" : `${key}=${sums.get(key)}`,
    );
    return block.endsWith("\n") ? `${sum}\n` : sum;
  });
}

/** Ids of conntrack entries and of ICMP echo are random: numbered by first sight, unless the lesson names them. */
export function ids(text: string, { named }: Surroundings): string {
  const id = numbering("#");
  return text.replace(/\bid(=| )(\d+)/g, (all, sign: string, value: string) =>
    named.has(value) ? all : `id${sign}${id(value)}`,
  );
}

/** Initial sequence numbers are random: the absolute numbers that tcpdump prints for a SYN, numbered by first sight. */
export function initialSequenceNumbers(text: string): string {
  const isn = numbering("ISN#");
  return text.replace(/^.*Flags \[S.?\].*$/gm, (line) => {
    const named = line.replace(/\bseq (\d+)/, (_all, value: string) => `seq ${isn(value)}`);
    // A SYN-ACK acknowledges the SYN's number and one.
    return named.replace(/\back (\d+)/, (_all, value: string) => `ack ${isn(String(Number(value) - 1))}+1`);
  });
}

/**
 * What a packet's header holds at random, in the drawing of its fields: initial sequence numbers, the identification,
 * time stamps, and the checksums over them. Whether a checksum is correct stays.
 */
export function randomHeaderFields(text: string): string {
  return text
    .replace(/\b(seq|ack)=\d{6,}/g, "$1=N")
    .replace(/^.*(?:Sequence|Acknowledgment) number(?: {2}|<\/td>).*$/gm, (row) => row.replace(/\b\d{6,}\b/g, "N"))
    .replace(/^.*Identification(?: {2}|<\/td>).*$/gm, (row) => row.replace(/\b0x[0-9a-f]{4}\b/g, "ID"))
    .replace(/0x[0-9a-f]{4}(?= (?:\(|#40;)(?:in)?correct)/g, "CHECKSUM")
    .replace(/\btimestamps \d+\/(\d+)/g, (_all, echo: string) => `timestamps T/${echo === "0" ? "0" : "T"}`);
}

/** TCP timestamps begin anywhere and run in real time. */
export function tcpTimestamps(text: string): string {
  return text.replace(/\bTS val \d+ ecr (\d+)/g, (_all, echo: string) => `TS val T ecr ${echo === "0" ? "0" : "T"}`);
}

/** Round trips take their own time. */
export function pingTimes(text: string): string {
  return text
    .replace(/time=[\d.]+ ms/g, "time=T ms")
    .replace(/= [\d.]+\/[\d.]+\/[\d.]+\/[\d.]+ ms/g, "= RTT ms")
    .replace(/, time \d+ms/g, ", time Tms");
}

/** The clock is real: the times of events and of packets, also in drawings, where times stand in a column. */
export function clockTimes(text: string): string {
  return text
    .replace(/\[\d{10}\.\d{6} *\]/g, "[TIME]")
    .replace(/^ *[\d.]+(?: (?:ns|µs|ms|s|min|h))? {2}(?=\S+ → )/gm, "T  ")
    .replace(/^ *time {2}link/gm, "time  link")
    .replace(/^ *─+( {2}─+ {2}─+ {2}─+ {2}─+)$/gm, "─$1")
    .replace(/>\+?[\d.]+ (?:ns|µs|ms|s)</g, ">T<");
}

/** `bash -c` counts lines in its messages, an interactive shell does not. */
export function shellLines(text: string): string {
  return text.replace(/\bbash: (?:-c: )?line \d+: /g, "bash: ");
}

/**
 * Ports that nobody named, or only as a range for NAT to choose from, were chosen by the kernel (a client's own port,
 * the port after a clash): numbered by first sight. Only those from 1024 on, and only where ports stand: `sport=`,
 * `dport=`, behind an address.
 */
export function chosenPorts(text: string, { named, ranges = [] }: Surroundings): string {
  const port = numbering("PORT#");
  const inRange = (value: number): boolean => ranges.some(([low, high]) => low <= value && value <= high);
  const given = (value: string): boolean => named.has(value) && !inRange(Number(value));
  const replace = (value: string): string => (given(value) || Number(value) < 1024 ? value : port(value));
  return (
    text
      .replace(/\b([sd]port=)(\d+)/g, (_all, key: string, value: string) => key + replace(value))
      // Not the range itself, as a rule prints it.
      .replace(
        /(\b\d+\.\d+\.\d+\.\d+[:.])(\d{4,5})\b(?!-\d)/g,
        (_all, ip: string, value: string) => ip + replace(value),
      )
  );
}

/** The rules in the order in which they are applied, each side by itself, each with what a reader is told of it. */
const RULES_AND_WORDS: readonly (readonly [rule: Rule, words: string])[] = [
  [orderOfTable, "The conntrack table is a hash without an order: its lines were sorted."],
  [orderOfDrawnTable, "The conntrack table is a hash without an order: the entries of the drawn table were sorted."],
  [statisticsOfCpus, "Linux has a line of statistics for each CPU: the lines were added up."],
  [
    ids,
    "Ids of conntrack entries and of echo requests are random: they were numbered in the order in which they appear.",
  ],
  [
    initialSequenceNumbers,
    "Initial sequence numbers are random: they were numbered in the order in which they appear.",
  ],
  [
    randomHeaderFields,
    "Sequence numbers, identifications and time stamps in headers are random, and checksums with them: only whether a checksum is correct was compared.",
  ],
  [tcpTimestamps, "TCP's time stamps begin anywhere and run in real time: only whether one is echoed was compared."],
  [pingTimes, "Round trips take their own time: ping's times were left out."],
  [clockTimes, "The clock is real: the times of events and packets were left out."],
  [shellLines, "`bash -c` counts lines in its messages, a shell at a prompt does not."],
  [chosenPorts, "Ports that nobody named are chosen at random: they were numbered in the order in which they appear."],
];

/** The rules in the order in which they are applied; each side by itself. */
export const RULES: readonly Rule[] = RULES_AND_WORDS.map(([rule]) => rule);

/** What a reader is told of a rule, by its name; undefined for a name that is no rule's. */
export function wordsOfRule(name: string): string | undefined {
  if (name === secondsLeft.name)
    return "Commands take real time: the seconds that an entry has left may differ a little.";
  return RULES_AND_WORDS.find(([rule]) => rule.name === name)?.[1];
}

/** Seconds that are left: behind protocol and number in a listing or an event, `29s` or `29 s` in a drawn table. */
const SECONDS =
  /(?<=^ *(?:\[\w+\] *)?(?:ipv4 +2 +)?\w+ +\d+ +)\d+(?= .*\bsrc=)|\d+(?=s +ORIGINAL )|\d+(?= s(?:<\/td>.*>|<br\/>)ORIGINAL)/g;

/**
 * A second more or less: commands take real time. Gives `now` with the seconds of `saved` in each line, by its place,
 * that differs in nothing but `slack` seconds at most: 1, or more where it is known that more time has gone by.
 */
export function secondsLeft(saved: string, now: string, slack = 1): string {
  const before = saved.split("\n");
  const after = now.split("\n").map((line, index) => {
    const old = before[index] ?? "";
    if (old.replace(SECONDS, "S") !== line.replace(SECONDS, "S")) return line;
    const [was, is] = [old, line].map((text) => text.match(SECONDS)?.map(Number) ?? []) as [number[], number[]];
    return was.every((seconds, i) => Math.abs(seconds - (is[i] ?? 0)) <= slack) ? old : line;
  });
  return after.join("\n");
}

/** Both sides with all rules applied: equal exactly if they agree. */
export function underRules(
  saved: string,
  now: string,
  surroundings: Surroundings,
  slackSeconds = 1,
  rules: readonly Rule[] = RULES,
): [saved: string, now: string] {
  const [left, right] = [saved, now].map((text) =>
    rules.reduce((result, rule) => rule(result, surroundings), text),
  ) as [string, string];
  return [left, slackSeconds === 0 ? right : secondsLeft(left, right, slackSeconds)];
}

/**
 * Of two texts that agree under all rules: the names of rules without which they would not. Empty: the very same text.
 */
export function rulesNeeded(saved: string, now: string, surroundings: Surroundings, slackSeconds = 1): string[] {
  const agree = (rules: readonly Rule[], slack: number): boolean => {
    const [left, right] = underRules(saved, now, surroundings, slack, rules);
    return left === right;
  };
  let slack = slackSeconds;
  let needed: readonly Rule[] = RULES;
  for (const rule of RULES) {
    const without = needed.filter((each) => each !== rule);
    if (agree(without, slack)) needed = without;
  }
  if (agree(needed, 0)) slack = 0;
  return [...needed.map((rule) => rule.name), ...(slack === 0 ? [] : [secondsLeft.name])];
}
