/**
 * Makes a scenario small while it still shows what it showed: delta debugging over steps, commands and settings, then
 * over the packets that are left, field by field and byte by byte. What "still shows" means is the caller's question.
 */
import { get16, put16, put32, repairChecksums } from "./packets.js";
import { fromHex, isPacket, type Scenario, type Step, toHex } from "./scenario.js";

/** Whether a scenario still shows what is being looked for. */
export type Shows = (scenario: Scenario) => Promise<boolean>;

/** How often the question may be asked in all: a large scenario against a slow kernel must come to an end. */
const MAX_QUESTIONS = 250;

/**
 * The least part of a list that still holds a property, removing ever smaller runs of it (Zeller's ddmin, complements
 * only). The result is 1-minimal: no single item can be left out.
 */
export async function leastList<T>(
  items: readonly T[],
  holds: (items: readonly T[]) => Promise<boolean>,
): Promise<readonly T[]> {
  let kept = items;
  if (kept.length > 0 && (await holds([]))) return [];
  let size = Math.ceil(kept.length / 2);
  while (size >= 1 && kept.length > 0) {
    let removed = false;
    for (let at = 0; at < kept.length; ) {
      const without = [...kept.slice(0, at), ...kept.slice(at + size)];
      if (without.length > 0 && (await holds(without))) {
        kept = without;
        removed = true;
      } else at += size;
    }
    if (size === 1 && !removed) break;
    size = size === 1 ? 1 : Math.ceil(size / 2);
  }
  return kept;
}

/** Changes that make a packet plainer; each gives null where it changes nothing. */
const SIMPLER: readonly ((packet: Uint8Array) => Uint8Array | null)[] = [
  withoutIpOptions,
  withoutTcpOptions,
  (packet) => shorter(packet, 0.0),
  (packet) => shorter(packet, 0.5),
  (packet) => shorter(packet, 0.75),
  (packet) => field(packet, 1, 0, 1),
  (packet) => field(packet, 4, 1, 2),
  (packet) => field(packet, 6, 0x4000, 2),
  (packet) => field(packet, 8, 64, 1),
  (packet) => transport(packet, 6, 14, 64240, 2),
  (packet) => transport(packet, 6, 18, 0, 2),
  (packet) => transport(packet, 6, 4, 1000, 4),
  (packet) => transport(packet, 6, 8, 0, 4),
  (packet) => payloadZero(packet),
];

function headerLength(packet: Uint8Array): number {
  return (packet[0] & 15) * 4;
}

/**
 * Whether a packet's lengths are what its bytes are: only such a one is made shorter at an offset that means something.
 */
function sound(packet: Uint8Array): boolean {
  const header = headerLength(packet);
  return packet.length >= 20 && header >= 20 && header <= packet.length && get16(packet, 2) === packet.length;
}

function changed(packet: Uint8Array, copy: Uint8Array): Uint8Array | null {
  const before = packet.slice();
  repairChecksums(before);
  const wasRight = toHex(before) === toHex(packet);
  if (wasRight) repairChecksums(copy);
  return toHex(copy) === toHex(packet) ? null : copy;
}

function field(packet: Uint8Array, at: number, value: number, width: 1 | 2 | 4): Uint8Array | null {
  if (packet.length < at + width) return null;
  const copy = packet.slice();
  if (width === 1) copy[at] = value;
  else if (width === 2) put16(copy, at, value);
  else put32(copy, at, value);
  return changed(packet, copy);
}

function transport(
  packet: Uint8Array,
  protocol: number,
  at: number,
  value: number,
  width: 1 | 2 | 4,
): Uint8Array | null {
  if (!sound(packet) || packet[9] !== protocol) return null;
  return field(packet, headerLength(packet) + at, value, width);
}

/** Where a packet's innermost header that we know ends. */
function payloadStart(packet: Uint8Array): number {
  const header = headerLength(packet);
  const own = packet[9] === 6 ? (packet[header + 12] >> 4) * 4 : packet[9] === 1 || packet[9] === 17 ? 8 : 0;
  return header + own;
}

function shorter(packet: Uint8Array, share: number): Uint8Array | null {
  if (!sound(packet)) return null;
  const start = payloadStart(packet);
  if (packet.length <= start) return null;
  const copy = packet.slice(0, start + Math.floor((packet.length - start) * share));
  if (copy.length === packet.length) return null;
  put16(copy, 2, copy.length);
  if (packet[9] === 17) put16(copy, headerLength(packet) + 4, copy.length - headerLength(packet));
  return changed(packet, copy);
}

function payloadZero(packet: Uint8Array): Uint8Array | null {
  if (!sound(packet)) return null;
  const copy = packet.slice();
  copy.fill(0, Math.min(copy.length, payloadStart(packet)));
  return changed(packet, copy);
}

function withoutIpOptions(packet: Uint8Array): Uint8Array | null {
  const header = headerLength(packet);
  if (!sound(packet) || header === 20) return null;
  const copy = Uint8Array.from([...packet.slice(0, 20), ...packet.slice(header)]);
  copy[0] = 0x45;
  put16(copy, 2, copy.length);
  return changed(packet, copy);
}

function withoutTcpOptions(packet: Uint8Array): Uint8Array | null {
  const header = headerLength(packet);
  if (!sound(packet) || packet[9] !== 6) return null;
  const end = payloadStart(packet);
  if (end <= header + 20 || end > packet.length) return null;
  const copy = Uint8Array.from([...packet.slice(0, header + 20), ...packet.slice(end)]);
  copy[header + 12] = (5 << 4) | (packet[header + 12] & 15);
  put16(copy, 2, copy.length);
  return changed(packet, copy);
}

/** The smallest scenario found that still shows it. The one given must. */
export async function minimise(scenario: Scenario, shows: Shows): Promise<Scenario> {
  let questions = 0;
  const asked = async (candidate: Scenario): Promise<boolean> => {
    if (questions >= MAX_QUESTIONS) return false;
    questions++;
    return shows(candidate);
  };
  let best = scenario;
  const least = async <T>(items: readonly T[], put: (items: readonly T[]) => Scenario): Promise<void> => {
    best = put(await leastList(items, (kept) => asked(put(kept))));
  };
  for (let size = -1; size !== JSON.stringify(best).length; ) {
    size = JSON.stringify(best).length;
    await least(best.steps, (steps) => ({ ...best, steps }));
    await least(best.finally ?? [], (commands) => ({ ...best, finally: commands }));
    await least(best.setup ?? [], (setup) => ({ ...best, setup }));
    await least(Object.entries(best.sysctl ?? {}), (pairs) => ({ ...best, sysctl: Object.fromEntries(pairs) }));
  }
  for (let index = 0; index < best.steps.length; index++) {
    const replaced = (step: Step): Scenario => ({
      ...best,
      steps: best.steps.map((each, at) => (at === index ? step : each)),
    });
    for (const simpler of SIMPLER) {
      const step = best.steps[index];
      if (!isPacket(step)) break;
      const packet = simpler(fromHex(step.hex));
      if (packet === null) continue;
      const candidate = replaced({ ...step, hex: toHex(packet) });
      if (await asked(candidate)) best = candidate;
    }
  }
  return best;
}
