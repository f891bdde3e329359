/** Outputs of a cell as the headless runner collects them. */
import type { Output } from "@netfilter-lab/notebook";
import type { CellSink } from "@netfilter-lab/notebook/live";

/** A sink and what has gone into it; `places` is shared by the cells of a notebook. */
export function collect(places: Map<string, { outputs: Output[]; at: number }> = new Map()): {
  readonly outputs: Output[];
  readonly sink: CellSink;
} {
  const outputs: Output[] = [];
  const sink: CellSink = {
    stream(name, text) {
      const last = outputs.at(-1);
      if (last?.type === "stream" && last.name === name)
        outputs[outputs.length - 1] = { ...last, text: last.text + text };
      else outputs.push({ type: "stream", name, text });
    },
    display({ data, displayId, replaces }) {
      const output: Output = { type: "display_data", data, metadata: {} };
      const place = displayId === undefined ? undefined : places.get(displayId);
      if (replaces && place !== undefined) {
        place.outputs[place.at] = output;
        return;
      }
      if (displayId !== undefined) places.set(displayId, { outputs, at: outputs.length });
      outputs.push(output);
    },
    result: (data) => outputs.push({ type: "execute_result", data, metadata: {} }),
    error: (report) => outputs.push({ type: "error", ...report }),
  };
  return { outputs, sink };
}
