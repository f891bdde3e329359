import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { stripAnsi } from "./ansi.js";
import { terminalHtml, terminalLines } from "./terminal.js";

const original = "src=192.168.2.55 dst=217.254.1.76 sport=50798 dport=443";
const reply = "src=217.254.1.76 dst=193.157.56.3 sport=443 dport=50798";

describe("the two tuples of a conntrack line", () => {
  const cases: [what: string, line: string, runs: [text: string, className: string][]][] = [
    [
      "an entry",
      `tcp      6 431999 ESTABLISHED ${original} ${reply} [ASSURED] mark=0 use=1`,
      [
        ["tcp      6 431999 ESTABLISHED ", ""],
        [original, "nb-original"],
        [" ", ""],
        [reply, "nb-reply"],
        [" [ASSURED] mark=0 use=1", ""],
      ],
    ],
    [
      "an unreplied event",
      `    [NEW] tcp      6 120 SYN_SENT ${original} [UNREPLIED] ${reply}`,
      [
        ["    [NEW] tcp      6 120 SYN_SENT ", ""],
        [original, "nb-original"],
        [" [UNREPLIED] ", ""],
        [reply, "nb-reply"],
      ],
    ],
    [
      "an echo, with counters",
      "icmp     1 29 src=10.0.0.1 dst=10.0.0.2 type=8 code=0 id=7 packets=1 bytes=84 src=10.0.0.2 dst=10.0.0.1 type=0 code=0 id=7 packets=1 bytes=84 mark=0",
      [
        ["icmp     1 29 ", ""],
        ["src=10.0.0.1 dst=10.0.0.2 type=8 code=0 id=7 packets=1 bytes=84", "nb-original"],
        [" ", ""],
        ["src=10.0.0.2 dst=10.0.0.1 type=0 code=0 id=7 packets=1 bytes=84", "nb-reply"],
        [" mark=0", ""],
      ],
    ],
    ["one tuple alone says no direction", original, [[original, ""]]],
    ["no tuple", "tcp 6", [["tcp 6", ""]]],
  ];
  test.each(cases)("%s", (_, line, runs) => {
    const [only, ...more] = terminalLines(line);
    expect(more).toEqual([]);
    expect(only?.runs.map(({ text, className }) => [text, className])).toEqual(runs);
  });
});

test.each([
  [`tcp      6 431999 ESTABLISHED ${original} ${reply}`, false],
  ["lo               UNKNOWN        127.0.0.1/8 ", true],
  ["pkts bytes target     prot opt in     out     source               destination", true],
  ["forwarded, request:      PREROUTING → FORWARD → POSTROUTING", true],
  ["cpu=0   \tfound=2 invalid=0", false],
  ["IP 193.157.56.3.50798 > 217.254.1.76.443: Flags [S], seq 1, win 64240", false],
  ["PREROUTING   destination rewritten: tcp a -> b  ", false],
  ["        deep, but prose", false],
])("columns in %j: %s", (line, columns) => {
  expect(terminalLines(line).map((one) => one.columns)).toEqual([columns]);
});

test.each([
  ["    [NEW] tcp      6", 10],
  ["[1767225608.422550]\t    [NEW] udp", 12],
  [" [UPDATE] tcp", 10],
  ["[ASSURED]", 2],
  ["plain", 2],
  ["    indented", 6],
])("what goes on from %j is indented by %i", (line, hang) => {
  expect(terminalLines(line).map((one) => one.hang)).toEqual([hang]);
});

test("every line is there, colours and all", () => {
  expect(
    terminalLines("a\n\n\u001b[31mb\nc\u001b[0m d\n").map(({ runs }) =>
      runs.map(({ text, className }) => [text, className]),
    ),
  ).toEqual([
    [["a", ""]],
    [],
    [["b", "ansi-red"]],
    [
      ["c", "ansi-red"],
      [" d", ""],
    ],
  ]);
});

test("laying text out loses none of it", () => {
  const word = fc.constantFrom(original, reply, "tcp", "  ", "\n", "[NEW]", "\u001b[31m", "\u001b[0m", "\t", " ");
  fc.assert(
    fc.property(fc.array(word), (words) => {
      const text = words.join(" ");
      const lines = terminalLines(text).map(({ runs }) => runs.map((run) => run.text).join(""));
      expect(lines.join("\n")).toBe(stripAnsi(text.replace(/\n$/, "")));
    }),
  );
});

describe("a printed text as HTML", () => {
  const cases: [what: string, text: string, html: string][] = [
    ["its lines", "a\nb\n", line("a") + line("b")],
    ["columns", "a   b   c\n", line("a   b   c", "nb-line nb-line--columns")],
    ["nothing of it is markup", '<b a="c">&\n', line("&lt;b a=&quot;c&quot;&gt;&amp;")],
    ["a colour by name", "\u001b[31mDROP\u001b[0m", line('<span class="ansi-red">DROP</span>')],
    [
      "colours chosen freely",
      "\u001b[38;2;1;2;3;48;2;4;5;6m<\u001b[0m",
      line(
        '<span class="" style="color:color-mix(in srgb, rgb(1, 2, 3) 45%, currentcolor);background-color:color-mix(in srgb, rgb(4, 5, 6) 18%, transparent)">&lt;</span>',
      ),
    ],
    [
      "the two tuples",
      `${original} ${reply}`,
      line(`<span class="nb-original">${original}</span> <span class="nb-reply">${reply}</span>`),
    ],
  ];
  test.each(cases)("%s", (_, text, html) => {
    expect(terminalHtml(text)).toBe(html);
  });

  test("whatever is printed, its text is what is shown, and no element but its own is made", () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom("<", ">", "&", '"', "\u001b[31m", "\u001b[38;2;9;9;9m", "x", "\n")),
        (parts) => {
          const text = `${parts.join("")}.`;
          const html = terminalHtml(text);
          expect(html.replace(/<\/?span[^<>]*>/g, "")).not.toMatch(/[<>"]/);
          const shown = html
            .replace(/<[^>]*>/g, "")
            .replaceAll("&lt;", "<")
            .replaceAll("&gt;", ">")
            .replaceAll("&quot;", '"')
            .replaceAll("&amp;", "&");
          expect(shown).toBe(`${stripAnsi(text)}\n`);
        },
      ),
    );
  });
});

function line(content: string, className = "nb-line"): string {
  return `<span class="${className}" style="--nb-hang:2ch">${content}\n</span>`;
}
