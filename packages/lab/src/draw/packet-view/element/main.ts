/**
 * What a cell's output runs: defines the element, and gives those on the page already what the parser read after them.
 */
import { definePacketView, PACKET_VIEW_TAG } from "./element.js";

definePacketView();
for (const element of document.querySelectorAll<HTMLElement & { readInside(): void }>(PACKET_VIEW_TAG))
  element.readInside();
