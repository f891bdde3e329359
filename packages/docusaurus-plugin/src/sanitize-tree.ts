/**
 * HTML and SVG from a notebook's outputs, made safe to put into a page: an allow-list of elements and attributes, no
 * script, no event handler, no address that a reader's browser would fetch. Ids and style sheets are confined to the
 * one output, so that two drawings on a page cannot meet. Used when the site is built, and in the page for what cells
 * draw there.
 */
import type { Element, Nodes, Properties, Root } from "hast";
import { defaultSchema, type Schema, sanitize } from "hast-util-sanitize";
import { toHtml } from "hast-util-to-html";

/** Beyond those that the schema GitHub uses allows. */
// biome-ignore format: lists are read as lists
const htmlElements = [
  "style", "figure", "figcaption", "caption", "colgroup", "col", "mark", "small", "time", "abbr", "u", "wbr",
];

// biome-ignore format: lists are read as lists
const htmlAttributes = [
  "id", "className", "style", "title", "role", "lang", "dir", "tabIndex", "width", "height", "data*", "colSpan", "rowSpan",
  "scope", "headers", "align", "open", "span", "dateTime", "ariaLabel", "ariaLabelledBy", "ariaDescribedBy", "ariaHidden",
  "ariaRoleDescription",
];

// biome-ignore format: lists are read as lists
const svgElements = [
  "svg", "g", "defs", "symbol", "use", "title", "desc", "path", "rect", "circle", "ellipse", "line", "polyline",
  "polygon", "text", "tspan", "textPath", "marker", "linearGradient", "radialGradient", "stop", "pattern", "clipPath",
  "mask", "filter", "feGaussianBlur", "feOffset", "feBlend", "feColorMatrix", "feMerge", "feMergeNode", "feFlood",
  "feComposite", "feDropShadow", "animate", "animateTransform", "animateMotion", "mpath",
];

// biome-ignore format: lists are read as lists
const svgAttributes = [
  "viewBox", "preserveAspectRatio", "x", "y", "x1", "y1", "x2", "y2", "cx", "cy", "r", "rx", "ry", "d", "dx", "dy", "points",
  "pathLength", "transform", "transformOrigin", "fill", "fillOpacity", "fillRule", "stroke", "strokeWidth", "strokeDashArray",
  "strokeDashOffset", "strokeLineCap", "strokeLineJoin", "strokeMiterLimit", "strokeOpacity", "opacity", "color", "clipPath",
  "clipRule", "mask", "filter", "fontFamily", "fontSize", "fontStyle", "fontWeight", "letterSpacing", "wordSpacing",
  "textAnchor", "textDecoration", "dominantBaseline", "alignmentBaseline", "baselineShift", "textLength", "lengthAdjust",
  "writingMode", "markerStart", "markerMid", "markerEnd", "markerWidth", "markerHeight", "markerUnits", "refX", "refY",
  "orient", "offset", "stopColor", "stopOpacity", "gradientUnits", "gradientTransform", "spreadMethod", "patternUnits",
  "patternTransform", "patternContentUnits", "maskUnits", "filterUnits", "stdDeviation", "in", "in2", "result", "mode",
  "type", "values", "floodColor", "floodOpacity", "operator", "vectorEffect", "paintOrder", "shapeRendering",
  "textRendering", "pointerEvents", "visibility", "display", "overflow", "attributeName", "begin", "dur", "from", "to",
  "by", "repeatCount", "keyTimes", "keySplines", "calcMode", "rotate", "xmlns", "xmlnsXLink", "xmlSpace",
];

const schema: Schema = {
  ...defaultSchema,
  // Nobody is to type anything into an output.
  tagNames: [...(defaultSchema.tagNames ?? []).filter((name) => name !== "input"), ...htmlElements, ...svgElements],
  attributes: {
    ...defaultSchema.attributes,
    a: ["href"],
    img: ["src", "alt", "width", "height"],
    use: ["href", "xLinkHref"],
    mpath: ["href", "xLinkHref"],
    textPath: ["href", "xLinkHref", "startOffset"],
    code: ["className"],
    li: [],
    h2: [],
    section: [],
    ul: [],
    ol: ["start", "reversed"],
    "*": [...htmlAttributes, ...svgAttributes],
  },
  required: {},
  clobber: [],
  protocols: { href: ["http", "https", "mailto"], src: ["data"], xLinkHref: [] },
  strip: ["script", "iframe", "object", "embed", "template", "noscript", "foreignObject"],
};

/**
 * Markup with nothing in it that could run, fetch or reach outside itself.
 *
 * @param tree a parsed HTML fragment or SVG document
 * @param scope unique on the page; prefixed to every id, and the id of the element the result is to be put into
 */
export function sanitizeTree(tree: Root, scope: string): string {
  const clean = sanitize(tree, schema) as Root;
  const ids = new Set<string>();
  visit(clean, (element) => {
    if (typeof element.properties["id"] === "string") ids.add(element.properties["id"]);
  });
  visit(clean, (element) => confine(element, scope, ids));
  removeForbidden(clean);
  return toHtml(clean);
}

/** An address inside the same document, or data; everything else in a style would be fetched. */
const fetching = /url\(\s*(?!["']?#)|@import|image-set\(|expression\(|-moz-binding/i;

const idReferences = ["ariaLabelledBy", "ariaDescribedBy", "headers"];

function confine(element: Element, scope: string, ids: ReadonlySet<string>): void {
  const properties: Properties = element.properties;
  const local = (id: string): string => (ids.has(id) ? `${scope}-${id}` : id);
  const references = (text: string): string =>
    text.replace(/url\(\s*(["']?)#([^"')\s]+)\1\s*\)/g, (_, __, id: string) => `url(#${local(id)})`);
  // How the page knows its cells.
  for (const name of Object.keys(properties)) if (name.startsWith("dataCell")) delete properties[name];
  for (const [name, value] of Object.entries(properties)) {
    if (name === "id" && typeof value === "string") properties["id"] = local(value);
    else if (idReferences.includes(name)) {
      const list = Array.isArray(value) ? value.map(String) : String(value).split(/\s+/);
      properties[name] = list.map(local).join(" ");
    } else if ((name === "href" || name === "xLinkHref") && typeof value === "string" && value.startsWith("#")) {
      properties[name] = `#${local(value.slice(1))}`;
    } else if ((name === "href" && element.tagName !== "a") || name === "xLinkHref") {
      delete properties[name];
    } else if ((name === "begin" || name === "end") && typeof value === "string") {
      properties[name] = value.replace(
        /\b([\w-]+)\.(begin|end)\b/g,
        (_, id: string, edge: string) => `${local(id)}.${edge}`,
      );
    } else if (typeof value === "string" && /url\(/i.test(value)) {
      if (fetching.test(value)) delete properties[name];
      else properties[name] = references(value);
    } else if (name === "style" && typeof value === "string" && fetching.test(value)) {
      delete properties[name];
    }
  }
  // What scrolls must be in the keyboard's reach; a heading without words is no heading.
  if (element.tagName === "pre") properties["tabIndex"] = 0;
  if (element.tagName === "th" && element.children.length === 0) {
    element.tagName = "td";
    delete properties["scope"];
  }
  if (element.tagName !== "style") return;
  // Inside SVG a browser reads a style sheet as markup: with `<` in it, it could begin an element. Escapes could spell
  // what is forbidden, and `&` could name the output from anywhere (`body:has(&)`).
  const css = element.children.map((child) => (child.type === "text" ? child.value : "")).join("");
  const isRefused = fetching.test(css) || /[\\<&]/.test(css) || !staysInside(css);
  const value = isRefused ? "" : scoped(renameIds(references(css), local), scope);
  element.children = value === "" ? [] : [{ type: "text", value }];
}

/**
 * The style sheet nested under the output's own element. A selector that asks for the page's theme still may: the theme
 * is said outside of the output.
 */
function scoped(css: string, scope: string): string {
  return `#${scope} {${css.replace(/(\[data-theme="(?:light|dark)"\])\s+/g, "$1 & ")}}`;
}

/**
 * True if every bracket in a style sheet is closed by its own kind, so that nothing in it ends the rule put round it.
 */
function staysInside(css: string): boolean {
  const open: string[] = [];
  // What a browser reads as one piece, whatever is in it: comments, strings, and addresses without quotes.
  const pieces =
    /\/\*[\s\S]*?(\*\/|$)|"[^"\n\r\f]*("|$|[\n\r\f])|'[^'\n\r\f]*('|$|[\n\r\f])|url\(\s*#[\w-]*\s*\)|url\(|[()[\]{}]/gi;
  for (const [piece, comment, double, single] of css.matchAll(pieces)) {
    if (piece.startsWith("/*") && comment === "") return false;
    if (piece.startsWith('"') && double !== '"') return false;
    if (piece.startsWith("'") && single !== "'") return false;
    // An address with quotes is a bracket like any other, with a string in it; any other may hide brackets.
    if (/^url\($/i.test(piece)) open.push(")");
    else if ("([{".includes(piece)) open.push(piece === "(" ? ")" : piece === "[" ? "]" : "}");
    else if (")]}".includes(piece) && open.pop() !== piece) return false;
  }
  return open.length === 0 && !/url\(\s*(?!["']|#[\w-]*\s*\))/i.test(css);
}

/** `#name` in selectors; a colour such as `#fff` is no id of this output and stays. */
function renameIds(css: string, local: (id: string) => string): string {
  return css.replace(/#([A-Za-z_][\w-]*)/g, (_, id: string) => `#${local(id)}`);
}

/** What the allow-list cannot say. */
function removeForbidden(node: Nodes): void {
  if (!("children" in node)) return;
  node.children = node.children.filter(
    (child) => child.type !== "element" || !isForbidden(child),
  ) as typeof node.children;
  for (const child of node.children) removeForbidden(child);
}

function isForbidden({ tagName, properties }: Element): boolean {
  // Animating an address is a way to change it after the check.
  if (/^(animate|set)/.test(tagName)) return /href/i.test(String(properties["attributeName"]));
  // A picture whose address was refused.
  return tagName === "img" && properties["src"] === undefined;
}

function visit(node: Nodes, visitor: (element: Element) => void): void {
  if (node.type === "element") visitor(node);
  if ("children" in node) for (const child of node.children) visit(child, visitor);
}
