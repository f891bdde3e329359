/**
 * The packet view as a cell's output: HTML that holds all it needs (the walk as JSON, the element's script, and a table
 * for where no script runs), and the walk under a MIME type of its own for a page that has the element itself and runs
 * nobody's scripts.
 */
import { oneLine } from "../dissect.js";
import { Drawing, JUPYTER_DISPLAY, type MimeBundle } from "../drawing.js";
import { escapeHtml } from "../html.js";
import { type Json, type ViewedWalk, WALK_MIME_TYPE, walkDocument } from "./document.js";
import { type FramedPacket, framesOf, isLandmark } from "./frames.js";
import { PACKET_VIEW_SCRIPT } from "./script.js";

/** Passages that a view shows at most: about two kilobytes each. */
export const VIEW_LIMIT = 40;

/** A walk, or a packet of it, that one can step through. */
export class PacketViewDrawing extends Drawing {
  readonly #walk: ViewedWalk;

  /** `likeness`: what stands in for the view as text and as Mermaid source. */
  constructor(walk: ViewedWalk, likeness: Drawing) {
    super({ text: () => likeness.text, html: () => packetViewHtml(walk), mermaid: () => likeness.mermaid });
    this.#walk = walk;
  }

  /** The walk as the JSON document that the view is drawn from; see `netfilter-lab/packet-view`. */
  get document(): Json {
    return walkDocument(this.#walk);
  }

  /** @internal */
  override [JUPYTER_DISPLAY](): MimeBundle {
    return { "text/plain": this.text, "text/html": packetViewHtml(this.#walk), [WALK_MIME_TYPE]: this.document };
  }
}

/** The view as HTML that needs nothing besides. */
function packetViewHtml(walk: ViewedWalk): string {
  // In a script, only `<` could end it or begin a comment.
  const json = JSON.stringify(walkDocument(walk)).replace(/</g, "\\u003c");
  return [
    `<netfilter-packet-view><script type="application/json">${json}</script>`,
    packetTable(walk),
    "</netfilter-packet-view>",
    `<script>${PACKET_VIEW_SCRIPT}</script>`,
  ].join("\n");
}

/** What happened to each packet, for those who have no script. */
function packetTable(walk: ViewedWalk): string {
  const rows = framesOf(walk).map((packet, i) => {
    const cells = [String(i + 1), packet.packet.host, ...packetRow(packet)];
    return `<tr>${cells.map((cell) => `<td>${escapeHtml(cell)}</td>`).join("")}</tr>`;
  });
  const headings = ["packet", "host", "as it came", "lookup", "rewritten", "in the end"];
  return [
    "<table>",
    `<thead><tr>${headings.map((heading) => `<th scope="col">${heading}</th>`).join("")}</tr></thead>`,
    "<tbody>",
    ...rows,
    "</tbody></table>",
  ].join("\n");
}

function packetRow({ packet, frames }: FramedPacket): string[] {
  const told = (landmark: "lookup" | "rewrite"): string =>
    frames
      .filter((frame) => isLandmark(frame, landmark))
      .map(({ hook, words }) => `${hook}: ${words}`)
      .join(" ");
  return [oneLine(packet.before), told("lookup"), told("rewrite"), frames.at(-1)?.words ?? ""];
}
