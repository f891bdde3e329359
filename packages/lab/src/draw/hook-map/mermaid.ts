/** The map as Mermaid source. */
import { mermaidText } from "../mermaid.js";
import { priorityText } from "../packet-view/words.js";
import { HOOKS, type Leg, type MapData, type Station } from "./map.js";

export function mermaid(map: MapData): string {
  const node = (data: Station): string => {
    const rows = data.rows
      .filter(({ run }) => map.packet === null || data.traversal === null || run !== null)
      .flatMap(({ user, run }) => [
        `${priorityText(user.priority)} ${user.label}`,
        ...(run?.effects ?? []).map(({ text }) => `· ${text}`),
      ]);
    return `  ${data.hook}["${[data.hook, ...(rows.length === 0 ? ["nobody"] : rows)].map(mermaidText).join("<br/>")}"]`;
  };
  const receive = map.packet?.iif ?? null;
  const transmit = map.packet?.oif ?? null;
  const legs: readonly (readonly [Leg, string])[] = [
    ["in", "receive --> PREROUTING"],
    ["route", "PREROUTING --> routing"],
    ["toInput", "routing --> INPUT"],
    ["toForward", "routing --> FORWARD"],
    ["toLocal", "INPUT --> local"],
    ["fromLocal", "local --> OUTPUT"],
    ["forwardToPost", "FORWARD --> POSTROUTING"],
    ["outputToPost", "OUTPUT --> POSTROUTING"],
    ["out", "POSTROUTING --> transmit"],
  ];
  const lines = [
    "flowchart TB",
    `  receive(["${mermaidText(receive === null ? "receive" : `receive ${receive}`)}"])`,
    `  transmit(["${mermaidText(transmit === null ? "transmit" : `transmit ${transmit}`)}"])`,
    `  local(["local process"])`,
    `  routing{"routing"}`,
    ...HOOKS.map((hook) => node(map.stations[hook])),
    ...legs.map(([name, edge]) => `  ${map.taken.has(name) ? edge.replace("-->", "==>") : edge}`),
  ];
  const visited = HOOKS.filter((hook) => map.stations[hook].traversal !== null);
  const dropped = visited.filter((hook) => map.stations[hook].traversal?.verdict !== "ACCEPT");
  if (visited.length > 0) lines.push("  classDef visited stroke-width:3px", `  class ${visited.join(",")} visited`);
  if (dropped.length > 0) lines.push("  classDef dropped stroke-dasharray:4 3", `  class ${dropped.join(",")} dropped`);
  return `${lines.join("\n")}\n`;
}
