import { expect, test } from "vitest";
import { highlightedHtml, tokenStyles } from "./highlight.js";

const textOf = (html: string): string =>
  html
    .replace(/<[^>]*>/g, "")
    .replaceAll("&lt;", "<")
    .replaceAll("&gt;", ">")
    .replaceAll("&quot;", '"')
    .replaceAll("&amp;", "&");

test("tokens get Prism's classes, and the text stays what it is", () => {
  const source = 'const a: Map<string, T> = `<b>${x && "&lt;"}</b>`; // </span>\n';
  const html = highlightedHtml(source, "ts");
  expect(html).toContain('<span class="token keyword">const</span>');
  expect(html).toContain('<span class="token comment">// &lt;/span></span>');
  expect(html).not.toMatch(/<(?!\/?span)/);
  expect(textOf(html)).toBe(source);
});

test("a language that is not known is plain text", () => {
  expect(highlightedHtml('if <a> & "b"', "nothing")).toBe("if &lt;a&gt; &amp; &quot;b&quot;");
});

test("the style sheet says what the themes say, for light and for dark", () => {
  const theme = (color: string) => ({
    plain: { color: "black", backgroundColor: "white" },
    styles: [{ types: ["keyword", "builtin"], style: { color, fontStyle: "italic" as const } }],
  });
  expect(tokenStyles(theme("red"), theme("pink")).split("\n")).toEqual([
    ".nb-tokens { color: black; background-color: white; }",
    ".nb-tokens .token.keyword, .nb-tokens .token.builtin { color: red; font-style: italic; }",
    '[data-theme="dark"] .nb-tokens { color: black; background-color: white; }',
    '[data-theme="dark"] .nb-tokens .token.keyword, [data-theme="dark"] .nb-tokens .token.builtin { color: pink; font-style: italic; }',
    "",
  ]);
});
