/** Collects what a cell does into outputs, as the headless runner does, and makes them safe to show. */
import type { Output } from "@netfilter-lab/notebook";
import { type PageOutput, pageOutputs } from "../outputs.js";
import type { CellEvent } from "./protocol.js";

/** One run's outputs so far. */
export class OutputCollector {
  readonly outputs: Output[] = [];
  /** How much has been printed, in characters. */
  length = 0;
  readonly #places = new Map<string, number>();

  /** Adds what a cell did. */
  add(event: CellEvent): void {
    switch (event.type) {
      case "stream": {
        this.length += event.text.length;
        const last = this.outputs.at(-1);
        if (last?.type === "stream" && last.name === event.name) {
          this.outputs[this.outputs.length - 1] = { ...last, text: last.text + event.text };
        } else this.outputs.push({ type: "stream", name: event.name, text: event.text });
        return;
      }
      case "display": {
        const output: Output = { type: "display_data", data: event.data, metadata: {} };
        const place = event.displayId === undefined ? undefined : this.#places.get(event.displayId);
        if (event.replaces && place !== undefined) {
          this.outputs[place] = output;
          return;
        }
        if (event.displayId !== undefined) this.#places.set(event.displayId, this.outputs.length);
        this.outputs.push(output);
        return;
      }
      case "result":
        this.outputs.push({ type: "execute_result", data: event.data, metadata: {} });
        return;
      case "error":
        this.outputs.push({ type: "error", ...event.report });
    }
  }

  /** The outputs as they can be shown. The sanitiser is loaded with the first that needs it. */
  async shown(cellId: string): Promise<PageOutput[]> {
    const hasMarkup = this.outputs.some(
      (output) => "data" in output && ("text/html" in output.data || "image/svg+xml" in output.data),
    );
    const outputs = [...this.outputs];
    if (!hasMarkup) return pageOutputs(cellId, outputs, () => "");
    const { sanitizeInPage } = await import("./sanitize.js");
    return pageOutputs(cellId, outputs, sanitizeInPage);
  }
}
