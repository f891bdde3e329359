import { describe, expect, test } from "vitest";
import { sanitizeHtml } from "./sanitize.js";

describe("nothing that runs or fetches survives", () => {
  const cases: [what: string, html: string, clean: string][] = [
    ["a script", "<p>a<script>alert(1)</script></p>", "<p>a</p>"],
    ["a script in SVG", "<svg><script>alert(1)</script><g></g></svg>", "<svg><g></g></svg>"],
    ["a handler", '<p onclick="alert(1)">a</p>', "<p>a</p>"],
    ["a handler in SVG", '<svg onload="alert(1)"></svg>', "<svg></svg>"],
    ["a script address", '<a href="javascript:alert(1)">a</a>', "<a>a</a>"],
    ["a script address in disguise", '<a href="jav&#x09;ascript:alert(1)">a</a>', "<a>a</a>"],
    ["a picture from elsewhere", '<img src="https://example.com/x.png" alt="x">a', "a"],
    ["a picture from the same site", '<img src="/x.png" alt="">', '<img src="/x.png" alt="">'],
    [
      "an embedded picture",
      '<img src="data:image/png;base64,AA==" alt="">',
      '<img src="data:image/png;base64,AA==" alt="">',
    ],
    ["a frame", '<iframe src="https://example.com"></iframe>b', "b"],
    ["a foreign object", "<svg><foreignObject><p>a</p></foreignObject></svg>", "<svg></svg>"],
    ["a form", '<form action="https://example.com"><button>go</button></form>', "go"],
    ["a style sheet's address", '<link rel="stylesheet" href="https://example.com/a.css">a', "a"],
    ["a style that fetches", '<p style="background:url(https://example.com/x)">a</p>', "<p>a</p>"],
    ["an import", '<style>@import "https://example.com/a.css";</style>', "<style></style>"],
    ["an escape in a style sheet", "<style>p{background:u\\72l(https://example.com/x)}</style>", "<style></style>"],
    ["a fill that fetches", '<svg><rect fill="url(https://example.com/#a)"></rect></svg>', "<svg><rect></rect></svg>"],
    [
      "a shape used from elsewhere",
      '<svg><use href="https://example.com/a.svg#b"></use></svg>',
      "<svg><use></use></svg>",
    ],
    [
      "an address changed later",
      '<svg><a href="https://example.com"><animate attributeName="href" to="javascript:alert(1)"></animate></a></svg>',
      '<svg><a href="https://example.com"></a></svg>',
    ],
    [
      "markup hidden in a style sheet",
      "<svg><style>&lt;img src=x onerror=alert(1)></style></svg>",
      "<svg><style></style></svg>",
    ],
    ["a comment", "a<!-- b -->", "a"],
    ["a field to type into", '<input form="f" autofocus onfocus="alert(1)">a', "a"],
    ["the page's own marks", '<p data-cell-id="x" data-kind="y">a</p>', '<p data-kind="y">a</p>'],
    ["a style sheet about what the output is in", "<style>body:has(&) nav{display:none}</style>", "<style></style>"],
    ["one that ends the rule round it", "<style>} body{display:none} p{</style>", "<style></style>"],
    ["one that leaves it open", "<style>p{color:red</style>", "<style></style>"],
    [
      "one that hides a bracket in an address",
      "<style>p{fill:url(#{)} } body{color:red} p{fill:url(#}) }</style>",
      "<style></style>",
    ],
    [
      "one that hides a bracket in a string",
      `<style>p{content:"{"} } body{color:red} p{content:"}" }</style>`,
      "<style></style>",
    ],
    ["one that hides a bracket in a comment", "<style>p{/*{*/} } body{color:red} p{/*}*/ }</style>", "<style></style>"],
    [
      "one whose string ends with the line",
      `<style>p{content:"\n} } body{color:red} p{a:b"}</style>`,
      "<style></style>",
    ],
    ["one whose comment does not end", "<style>p{color:red}/*</style>", "<style></style>"],
    ["one whose brackets cross", "<style>p{a:(}) b{}</style>", "<style></style>"],
  ];
  test.each(cases)("%s", (_, html, clean) => {
    expect(sanitizeHtml(html, "out")).toBe(clean);
  });
});

describe("a drawing keeps what makes it one", () => {
  test("ids are its own, wherever they are said", () => {
    const svg =
      '<svg viewBox="0 0 8 8" role="img" aria-labelledby="t"><title id="t">T</title><defs><marker id="m" refX="7"></marker></defs>' +
      '<path d="M0 0" marker-end="url(#m)" stroke-width="2"></path><use href="#m"></use></svg>';
    expect(sanitizeHtml(svg, "out-a-0")).toBe(
      '<svg viewBox="0 0 8 8" role="img" aria-labelledby="out-a-0-t"><title id="out-a-0-t">T</title><defs>' +
        '<marker id="out-a-0-m" refX="7"></marker></defs><path d="M0 0" marker-end="url(#out-a-0-m)" stroke-width="2"></path>' +
        '<use href="#out-a-0-m"></use></svg>',
    );
  });

  test("its style sheet reaches no other, and may still ask for the page's theme", () => {
    const css = '.nfl{--ink:#18202b}#m{fill:#fff}[data-theme="dark"] .nfl{--ink:#e7eaf0}.nfl .f-ink{fill:var(--ink)}';
    expect(sanitizeHtml(`<svg class="nfl"><style>${css}</style><g id="m" class="f-ink"></g></svg>`, "out")).toBe(
      '<svg class="nfl"><style>#out {.nfl{--ink:#18202b}#out-m{fill:#fff}[data-theme="dark"] & .nfl{--ink:#e7eaf0}.nfl .f-ink{fill:var(--ink)}}</style>' +
        '<g id="out-m" class="f-ink"></g></svg>',
    );
  });

  test("brackets in strings, comments and addresses are no brackets", () => {
    const css = `p{content:"}";content:'{(';/* { */fill:url(#a);mask:url("#b")}@media (width > 9px){p:is(b,[a="]"]){color:red}}`;
    expect(sanitizeHtml(`<style>${css}</style>`, "out")).toBe(
      `<style>#out {${css.replace('url("#b")', "url(#b)")}}</style>`,
    );
  });

  test("what scrolls is in the keyboard's reach", () => {
    expect(sanitizeHtml("<pre>a  b</pre>", "out")).toBe('<pre tabindex="0">a  b</pre>');
  });

  test("a heading without words is a cell", () => {
    expect(sanitizeHtml('<table><tr><th scope="col"></th><th scope="col">a</th></tr></table>', "out")).toBe(
      '<table><tbody><tr><td></td><th scope="col">a</th></tr></tbody></table>',
    );
  });

  test("an XML declaration is dropped", () => {
    expect(sanitizeHtml('<?xml version="1.0"?><svg width="9"></svg>', "out")).toBe('<svg width="9"></svg>');
  });
});
