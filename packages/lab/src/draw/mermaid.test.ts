import { Window } from "happy-dom";
import { beforeAll, describe, expect, it } from "vitest";
import { DRAWINGS } from "../../test/drawings.js";
import { mermaidText } from "./mermaid.js";

describe("Mermaid sources", () => {
  let parse: (source: string) => Promise<{ readonly diagramType: string } | false>;

  beforeAll(async () => {
    // Mermaid's sanitiser looks for a browser's window when it is loaded.
    const window = new Window();
    Object.assign(globalThis, { window, document: window.document });
    const { default: mermaid } = await import("mermaid");
    parse = (source) => mermaid.parse(source);
  });

  it.each(DRAWINGS)("%s: Mermaid itself reads it", async (_name, drawing) => {
    expect(await parse(drawing.mermaid)).toMatchObject({
      diagramType: expect.stringMatching(/flowchart|sequence|state/),
    });
  });

  it("would not read a broken one", async () => {
    await expect(parse("flowchart LR\n  a[unclosed")).rejects.toThrow("Parse error");
  });
});

describe("mermaidText", () => {
  it.each([
    ["plain → text", "plain → text"],
    ['a "b"', "a #34;b#34;"],
    ["x; y #1 <z>", "x#59; y #35;1 #60;z#62;"],
    ["two\nlines", "two lines"],
  ])("%j", (text, expected) => {
    expect(mermaidText(text)).toBe(expected);
  });
});
