/** Ports as rules spell them: a number or a service's name, one or a range. Models xtables_parse_port(). */
import { ParameterProblem } from "./error.js";
import { type OptionSpec, type OptionValues, parseUint, type Range } from "./options.js";
import { serviceName, servicePort } from "./services.js";

/** Every port. */
export const ALL_PORTS: Range = { min: 0, max: 65535 };

/**
 * `--source-port` and `--destination-port` under both their names. `parse` gets the long name; `once`: of a second one
 * the extension speaks in its own words.
 */
export function portOptions(parse: (name: string) => (text: string) => Range, once: boolean): readonly OptionSpec[] {
  return [
    ["source-port", "sport"],
    ["destination-port", "dport"],
  ].flatMap(([long, id]) =>
    [long, id].map((name) => ({
      name,
      id,
      parse: parse(long),
      invert: true,
      ...(once ? { onlyOne: `Only one \`--${long}' allowed` } : {}),
    })),
  );
}

/** Whether the option of this id asks anything of a port: all ports may be any. */
export function asksPort(values: OptionValues, id: string): boolean {
  const range = values.get<Range>(id);
  return range !== undefined && (range.min !== 0 || range.max !== 65535 || values.inverted(id));
}

/**
 * A port as getaddrinfo() resolves it: a service's name, or decimal digits, of which the lower 16 bits count; undefined
 * for anything else. Models xtables_getportbyname().
 */
export function resolvePort(text: string, protocol: string | null): number | undefined {
  const digits = /^\s*\+?(\d+)$/.exec(text)?.[1];
  if (digits === undefined) return servicePort(text, protocol);
  const value = BigInt(digits);
  const word = value >> 64n === 0n ? BigInt.asIntN(32, value) : -1n;
  return word < 0n ? undefined : Number(BigInt.asUintN(16, word));
}

/** One port; the message is that of a wrong one. */
export function parsePort(text: string, protocol: string | null): number {
  const port = parseUint(text, 0, 65535) ?? servicePort(text, protocol);
  if (port === undefined) throw new ParameterProblem(`invalid port/service \`${text}' specified`);
  return port;
}

/** `a`, `a:b`, `a:`, `:b`. */
export function parsePortRange(text: string, protocol: string): Range {
  const colon = text.indexOf(":");
  if (colon < 0) {
    const port = parsePort(text, protocol);
    return { min: port, max: port };
  }
  const min = colon === 0 ? 0 : parsePort(text.slice(0, colon), protocol);
  const max = colon === text.length - 1 ? 65535 : parsePort(text.slice(colon + 1), protocol);
  if (min > max) throw new ParameterProblem("invalid portrange (min > max)");
  return { min, max };
}

/** A port as listings print it. */
export function portText(port: number, protocol: string, numeric: boolean): string {
  return numeric ? String(port) : (serviceName(port, protocol) ?? String(port));
}

/** `spt:80`, `dpts:!1:9`; nothing for all ports. */
export function listPorts(name: string, range: Range, inverted: boolean, protocol: string, numeric: boolean): string {
  if (range.min === 0 && range.max === 65535 && !inverted) return "";
  const not = inverted ? "!" : "";
  const min = portText(range.min, protocol, numeric);
  if (range.min === range.max) return ` ${name}:${not}${min}`;
  return ` ${name}s:${not}${min}:${portText(range.max, protocol, numeric)}`;
}

/** ` --sport 80`, ` ! --dport 1:9`; nothing for all ports. */
export function savePorts(option: string, range: Range, inverted: boolean): string {
  if (range.min === 0 && range.max === 65535 && !inverted) return "";
  const ports = range.min === range.max ? String(range.min) : `${range.min}:${range.max}`;
  return `${inverted ? " !" : ""} --${option} ${ports}`;
}
