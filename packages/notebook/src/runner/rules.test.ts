/** Each rule of the comparison with the kernel: what it makes the same, and what it leaves different. */
import { describe, expect, test } from "vitest";
import {
  chosenPorts,
  clockTimes,
  ids,
  initialSequenceNumbers,
  orderOfDrawnTable,
  orderOfTable,
  pingTimes,
  RULES,
  type Rule,
  randomHeaderFields,
  rulesNeeded,
  secondsLeft,
  shellLines,
  statisticsOfCpus,
  tcpTimestamps,
  underRules,
  wordsOfRule,
} from "./rules.js";

const named: ReadonlySet<string> = new Set(["443", "50798", "77"]);
const tuple = (sport: number, seconds = 10): string =>
  `udp      17 ${seconds} src=10.0.0.1 dst=10.0.0.2 sport=${sport} dport=53`;
const drawn = (port: number, seconds: number): string =>
  `tcp  CLOSE      ${String(seconds).padStart(3)}s  ORIGINAL  10.0.0.1:${port}  10.0.0.2:80\n     UNREPLIED        REPLY     10.0.0.2:80  10.0.0.1:${port}\n`;
const html = (port: number, seconds: number): string =>
  `<tr><td>${seconds} s</td><td>ORIGINAL<br/>REPLY</td><td>10.0.0.1:${port}</td></tr>\n`;
const boxed = (port: number, seconds: number): string => `tcp CLOSE ${seconds} s<br/>ORIGINAL 10.0.0.1:${port}`;
const mermaid = (...boxes: string[]): string =>
  `  table["Conntrack table of a: 2 entries"]\n${boxes.map((box, i) => `  e${i}["${box}"]\n  table --- e${i}\n`).join("")}`;
const syn = "IP 10.0.0.1.50798 > 10.0.0.2.443: Flags [S], seq 7000, win 64240, length 0";
const synAck = "IP 10.0.0.2.443 > 10.0.0.1.50798: Flags [S.], seq 12, ack 7001, win 65160, length 0";

/** For each rule: texts it makes equal, and texts that stay different. */
const cases: readonly [rule: Rule, same: readonly [string, string][], different: readonly [string, string][]][] = [
  [
    orderOfTable,
    [
      [`${tuple(1)}\n${tuple(2, 9)}\nend`, `${tuple(2, 9)}\n${tuple(1)}\nend`],
      [`head\n${tuple(1, 3)}\n${tuple(2, 9)}`, `head\n${tuple(2, 9)}\n${tuple(1, 3)}`],
    ],
    [
      [`${tuple(1)}\nend`, `end\n${tuple(1)}`],
      [`${tuple(1)}\n${tuple(1)}`, tuple(1)],
      ["b\na", "a\nb"],
    ],
  ],
  [
    orderOfDrawnTable,
    [
      [drawn(1, 9) + drawn(2, 30), drawn(2, 30) + drawn(1, 9)],
      [html(1, 9) + html(2, 30), html(2, 30) + html(1, 9)],
      [mermaid(boxed(1, 9), boxed(2, 30)), mermaid(boxed(2, 30), boxed(1, 9))],
    ],
    [
      [drawn(1, 9) + drawn(2, 9), drawn(1, 9) + drawn(3, 9)],
      [html(1, 9) + html(1, 9), html(1, 9)],
      [mermaid(boxed(1, 9), boxed(2, 9)), mermaid(boxed(1, 9), boxed(3, 9))],
    ],
  ],
  [
    randomHeaderFields,
    [
      ["[SYN] seq=3811535168 len=0", "[SYN] seq=123456789 len=0"],
      ["  Sequence number        3811535168", "  Sequence number        364859359"],
      ["Identification</td><td>0x6126</td><td>0x6126</td>", "Identification</td><td>0x260b</td><td>0x260b</td>"],
      ["0x3b6c (correct) → 0x05ab (correct)", "0x7687 (correct) → 0x40c6 (correct)"],
      ["mss 1460, timestamps 15/0, nop", "mss 1460, timestamps 16/0, nop"],
    ],
    [
      ["seq=1 len=0", "seq=2 len=0"],
      ["0x3b6c (correct)", "0x3b6c (incorrect)"],
      ["timestamps 15/0", "timestamps 15/3"],
      ["Window  64240", "Window  64000"],
    ],
  ],
  [
    ids,
    [["ICMP echo request, id 58159, seq 1\nid=9 id=9", "ICMP echo request, id 3, seq 1\nid=70 id=70"]],
    [
      ["id 1\nid 1", "id 1\nid 2"],
      ["id=77", "id=78"],
      ["seq 1", "seq 2"],
    ],
  ],
  [
    initialSequenceNumbers,
    [[`${syn}\n${synAck}`, `${syn}\n${synAck}`.replace("7000", "1").replace("7001", "2").replace("seq 12,", "seq 5,")]],
    [
      [`${syn}\n${synAck}`, `${syn}\n${synAck}`.replace("7001", "7002")],
      [syn, syn.replace("64240", "64000")],
      ["Flags [.], ack 1", "Flags [.], ack 2"],
    ],
  ],
  [tcpTimestamps, [["TS val 1 ecr 2", "TS val 3 ecr 4"]], [["TS val 1 ecr 0", "TS val 1 ecr 2"]]],
  [
    pingTimes,
    [
      ["ttl=63 time=0.200 ms", "ttl=63 time=12 ms"],
      ["0% packet loss, time 0ms", "0% packet loss, time 11ms"],
      ["rtt min/avg/max/mdev = 0.2/0.2/0.2/0.0 ms", "rtt min/avg/max/mdev = 1.2/1.2/1.2/0.1 ms"],
    ],
    [["ttl=63 time=1 ms", "ttl=62 time=1 ms"]],
  ],
  [
    clockTimes,
    [
      ["[1767225615.427550]\t[NEW]", "[1795000000.000001]\t[NEW]"],
      [
        "     time  link   source  destination  packet\n─────────  ───  ───  ───  ───\n   100 µs  a → b  x",
        "    time  link   source  destination  packet\n────────  ───  ───  ───  ───\n42.73 ms  a → b  x",
      ],
      ["<text>100 µs</text>", "<text>1.2 s</text>"],
    ],
    [
      ["100 µs  a → b", "100 µs  b → a"],
      ["sleep 1 s", "sleep 2 s"],
    ],
  ],
  [
    shellLines,
    [
      ["bash: nosuch: command not found", "bash: line 1: nosuch: command not found"],
      ["bash: syntax error", "bash: -c: line 3: syntax error"],
    ],
    [["bash: a", "bash: b"]],
  ],
  [
    chosenPorts,
    [
      ["sport=50798 dport=40001", "sport=50798 dport=40002"],
      ["10.0.0.1:41000 → 10.0.0.2:443", "10.0.0.1:42000 → 10.0.0.2:443"],
      ["IP 10.0.0.1.41000 > 10.0.0.2.443:", "IP 10.0.0.1.1234 > 10.0.0.2.443:"],
    ],
    [
      ["sport=50798", "sport=50799"],
      ["sport=2000 dport=2000", "sport=2000 dport=2001"],
      ["sport=600", "sport=601"],
      ["bytes=40001", "bytes=40002"],
    ],
  ],
];

describe.each(cases.map(([rule, same, different]) => [rule.name, rule, same, different] as const))(
  "%s",
  (_name, rule, same, different) => {
    test.each(same)("makes the same: %j, %j", (a, b) => {
      expect(a).not.toBe(b);
      expect(rule(b, { named })).toBe(rule(a, { named }));
    });

    test.each(different)("leaves different: %j, %j", (a, b) => {
      expect(rule(b, { named })).not.toBe(rule(a, { named }));
    });

    test("keeps every line", () => {
      const text = same.flat().concat(different.flat()).join("\n");
      expect(rule(text, { named }).split("\n").length).toBe(text.split("\n").length);
    });
  },
);

test("a port in a range that the lesson gives NAT was chosen, though the range's ends are named", () => {
  const surroundings = { named: new Set(["40000", "40001"]), ranges: [[40000, 40001]] as const };
  const lines = (a: number, b: number): string => `sport=443 dport=${a}\nsport=443 dport=${b}\n`;
  expect(chosenPorts(lines(40001, 40000), surroundings)).toBe(chosenPorts(lines(40000, 40001), surroundings));
  expect(chosenPorts(lines(40000, 40000), surroundings)).not.toBe(chosenPorts(lines(40000, 40001), surroundings));
  const rule = "-j SNAT --to-source 10.0.0.1:40000-40001";
  expect(chosenPorts(rule, surroundings)).toBe(rule);
});

test("of the rules, those are named that a comparison needs", () => {
  const surroundings = { named };
  expect(rulesNeeded("the same", "the same", surroundings)).toEqual([]);
  expect(rulesNeeded("id=1 time=2 ms", "id=9 time=2 ms", surroundings)).toEqual(["ids"]);
  expect(rulesNeeded(`${tuple(443, 30)} id=1`, `${tuple(443, 29)} id=3`, surroundings)).toEqual(["ids", "secondsLeft"]);
});

test("a reader is told what each rule does", () => {
  for (const name of [...RULES.map((rule) => rule.name), "secondsLeft"])
    expect(wordsOfRule(name)).toMatch(/^[A-Z`].*\.$/);
  expect(wordsOfRule("ignoreEverything")).toBeUndefined();
});

test("every rule is tested", () => {
  expect(RULES.map((rule) => rule.name).sort()).toEqual(
    [...cases.map(([rule]) => rule.name), "statisticsOfCpus"].sort(),
  );
});

test.each([
  ["one second less", tuple(1, 30), tuple(1, 29), true],
  ["one second more", tuple(1, 30), tuple(1, 31), true],
  ["in an event, with a state", "[UPDATE] tcp 6 60 SYN_RECV src=a", "[UPDATE] tcp 6 59 SYN_RECV src=a", true],
  ["in a line of the drawing", `  ${tuple(1, 30)}`, `  ${tuple(1, 29)}`, true],
  ["in the drawn table", drawn(1, 30), drawn(1, 29), true],
  ["in the drawn table's HTML", html(1, 30), html(1, 29), true],
  ["in the drawn table's Mermaid", boxed(1, 30), boxed(1, 29), true],
  ["two seconds in the drawn table", drawn(1, 30), drawn(1, 28), false],
  ["two seconds", tuple(1, 30), tuple(1, 28), false],
  ["another state", "tcp 6 60 SYN_RECV src=a", "tcp 6 59 SYN_SENT src=a", false],
  ["another line", `x\n${tuple(1, 30)}`, `${tuple(1, 29)}\nx`, false],
])("secondsLeft: %s", (_title, saved, now, same) => {
  expect(secondsLeft(saved, now) === saved).toBe(same);
  expect(secondsLeft(saved, now).split("\n").length).toBe(now.split("\n").length);
});

test("all rules together: a listing an instant later, in another order", () => {
  const [saved, now] = underRules(`${tuple(1, 30)}\n${tuple(2, 9)}`, `${tuple(2, 8)}\n${tuple(1, 30)}`, { named });
  expect(now).toBe(saved);
});

test.each([
  ["one CPU or two", "cpu=0   \tfound=4 drop=1 \n", "cpu=0   \tfound=1 drop=0 \ncpu=1   \tfound=3 drop=1 \n", true],
  ["another sum", "cpu=0   \tfound=4 drop=1 \n", "cpu=0   \tfound=1 drop=1 \ncpu=1   \tfound=3 drop=1 \n", false],
  ["another field", "cpu=0   \tfound=4\n", "cpu=0   \tmissed=4\n", false],
])("statisticsOfCpus: %s", (_title, saved, now, same) => {
  expect(statisticsOfCpus(`head\n${saved}end`) === statisticsOfCpus(`head\n${now}end`)).toBe(same);
});
