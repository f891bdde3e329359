/** The map as text. */
import { oneLine } from "../dissect.js";
import { priorityText } from "../packet-view/words.js";
import type { PassageData } from "../passage.js";
import { boxed, columns, wrapPlain } from "../terminal.js";
import { HOOKS, type MapData, order, titleOf, wayOf } from "./map.js";

const COURSE = [
  "                    local process",
  "                   ↑             ↓",
  "                 INPUT         OUTPUT",
  "                   ↑             ↓",
  "receive → PREROUTING → FORWARD → POSTROUTING → transmit",
];

export function text(map: MapData): string {
  return map.packet === null ? registryText(map) : packetText(map, map.packet);
}

function registryText(map: MapData): string {
  const parts = [titleOf(map), "", ...COURSE.map((line) => `  ${line}`), ""];
  const rows = HOOKS.flatMap((hook) => {
    const users = map.stations[hook].rows.map(({ user }) => user);
    if (users.length === 0) return [[hook, "", "nobody", "", ""]];
    return users.map((user, i) => [i === 0 ? hook : "", priorityText(user.priority), user.label, user.fn, user.module]);
  });
  parts.push(...columns([["hook", "priority", "who", "function", "module"], ...rows], [false, true]));
  return parts.join("\n");
}

function packetText(map: MapData, packet: PassageData): string {
  const parts = [`${titleOf(map)}: ${wayOf(packet)}`, ...wrapPlain(oneLine(packet.before), 98), ""];
  parts.push(packet.iif === null ? "  made by a local process" : `  received by ${packet.iif}`);
  const stations = order(map).map((data) => {
    const lines = data.rows.flatMap(({ user, run }) => {
      const label = `${priorityText(user.priority).padStart(7)}  ${user.label}`;
      if (run === null) return [`${label} (not reached)`];
      const deeds = run.effects.flatMap((effect) =>
        wrapPlain(effect.text, 80).map((part, i) => `         ${i === 0 ? "•" : " "} ${part}`),
      );
      return [`${label.padEnd(28)}  ${user.fn}`, ...deeds];
    });
    const verdict = data.traversal?.verdict === "ACCEPT" ? "" : ` ✗ ${data.traversal?.verdict}`;
    return { title: `${data.hook}${verdict}`, lines: lines.length === 0 ? ["nobody hangs here"] : lines };
  });
  const width = Math.min(
    98,
    4 + Math.max(...stations.flatMap(({ title, lines }) => [title, ...lines]).map((line) => line.length)),
  );
  for (const { title, lines } of stations) parts.push("      ↓", ...boxed(title, lines, width));
  parts.push("      ↓", ...wrapPlain(outcome(map, packet), 98).map((line) => `  ${line}`));
  const skipped = HOOKS.filter((hook) => map.stations[hook].traversal === null);
  parts.push("", `Not on its way: ${skipped.join(", ")}`);
  return parts.join("\n");
}

function outcome(map: MapData, packet: PassageData): string {
  if (packet.oif !== null && packet.after !== null) return `sent by ${packet.oif}: ${oneLine(packet.after)}`;
  if (map.end !== null) return packet.after === null ? `✗ ${map.end}` : map.end;
  return packet.after === null ? "✗ dropped" : "delivered to a local process";
}
