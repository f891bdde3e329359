import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ansiRuns, stripAnsi } from "./ansi.js";

const esc = "\u001b[";

describe("terminal text becomes runs", () => {
  const cases: [what: string, text: string, runs: [text: string, className: string, color?: string][]][] = [
    ["plain", "a\nb", [["a\nb", ""]]],
    [
      "a colour and its end",
      `${esc}31mDROP${esc}0m ok`,
      [
        ["DROP", "ansi-red"],
        [" ok", ""],
      ],
    ],
    [
      "an empty code is a reset",
      `${esc}1mx${esc}my`,
      [
        ["x", "ansi-bold"],
        ["y", ""],
      ],
    ],
    ["several codes at once", `${esc}1;4;92mx`, [["x", "ansi-bold ansi-bright-green ansi-underline"]]],
    [
      "bold ends without the colour's end",
      `${esc}1;34ma${esc}22mb`,
      [
        ["a", "ansi-blue ansi-bold"],
        ["b", "ansi-blue"],
      ],
    ],
    [
      "the default colour",
      `${esc}33ma${esc}39mb`,
      [
        ["a", "ansi-yellow"],
        ["b", ""],
      ],
    ],
    [
      "a background",
      `${esc}41ma${esc}49mb`,
      [
        ["a", "ansi-bg-red"],
        ["b", ""],
      ],
    ],
    ["the palette's named part", `${esc}38;5;9ma`, [["a", "ansi-bright-red"]]],
    ["the palette's cube", `${esc}38;5;208ma`, [["a", "", "rgb(255, 135, 0)"]]],
    ["the palette's greys", `${esc}38;5;232ma`, [["a", "", "rgb(8, 8, 8)"]]],
    ["a true colour, then bold", `${esc}38;2;1;2;3;1ma`, [["a", "ansi-bold", "rgb(1, 2, 3)"]]],
    ["runs of one style join", `${esc}31ma${esc}31mb`, [["ab", "ansi-red"]]],
    ["cursor movements are dropped", `a${esc}2Kb${esc}10;5Hc`, [["abc", ""]]],
    ["a window title is dropped", "\u001b]0;title\u0007a", [["a", ""]]],
    ["Windows line ends", "a\r\nb\r\n", [["a\nb\n", ""]]],
    ["a progress line keeps its last state", "10%\r55%\r100%\ndone", [["100%\ndone", ""]]],
    ["a return at the end of a line loses nothing", "100%\r", [["100%", ""]]],
  ];
  test.each(cases)("%s", (_, text, runs) => {
    expect(
      ansiRuns(text).map((run) => [
        run.text,
        run.className,
        ...(run.style?.color === undefined ? [] : [run.style.color]),
      ]),
    ).toEqual(runs);
  });
});

test("text without escapes or returns passes unchanged", () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      fc.pre(!/[\u001b\r]/.test(text));
      expect(stripAnsi(text)).toBe(text);
    }),
  );
});

test("colouring text changes nothing but its colour", () => {
  fc.assert(
    fc.property(fc.stringMatching(/^[ -~\n]*$/), fc.integer({ min: 0, max: 107 }), (text, code) => {
      expect(stripAnsi(`${esc}${code}m${text}${esc}0m`)).toBe(text);
    }),
  );
});
