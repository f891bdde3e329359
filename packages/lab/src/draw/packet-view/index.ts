/**
 * `netfilter-lab/packet-view`: what a page needs to show a walk from a cell's output (see also
 * `netfilter-lab/packet-view/element`, which needs a browser). Small: the engine's and the lab's other parts stay out.
 */
export { type Headline, headline } from "../dissect.js";
export {
  type Json,
  readWalkDocument,
  type ViewedPacket,
  type ViewedWalk,
  WALK_DOCUMENT_VERSION,
  WALK_MIME_TYPE,
  WalkDocumentError,
} from "./document.js";
export type { EntryState } from "./entry-state.js";
export { type Frame, type FramedPacket, framesOf, type Landmark, type Place } from "./frames.js";
