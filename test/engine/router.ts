/** A whole router of the engine between two TUN devices, with commands as a person types them. */
import { NetNamespace, SeededRandom, TunDevice, VirtualClock } from "../../packages/engine/src/index.js";
import { parseCidr, parseIPv4 } from "../../packages/engine/src/wire/address.js";
import type { Writer } from "../../packages/lab/src/command.js";
import { commands } from "../../packages/lab/src/commands/index.js";
import type { LabContext } from "../../packages/lab/src/environment.js";

/** The router's devices and addresses. */
export interface RouterOptions {
  readonly lan: { readonly name: string; readonly address: string };
  readonly wan: { readonly name: string; readonly address: string };
  /** Next hop of the default route; absent: none. */
  readonly gateway?: string;
  /** Command lines, such as `iptables-legacy -t nat -A ...`. */
  readonly rules: readonly string[];
}

export interface Router {
  readonly net: NetNamespace;
  readonly lan: TunDevice;
  readonly wan: TunDevice;
}

export function makeRouter(options: RouterOptions): Router {
  const net = new NetNamespace("gateway", new VirtualClock(), new SeededRandom(1));
  net.sysctl.lookup("net.ipv4.ip_forward")?.set?.("1");
  const device = ({ name, address }: { name: string; address: string }): TunDevice => {
    const dev = new TunDevice(net, name);
    net.ip.setUp(dev);
    const cidr = parseCidr(address);
    net.ip.addAddress(dev, { local: cidr.address, prefixLength: cidr.prefixLength });
    return dev;
  };
  const lan = device(options.lan);
  const wan = device(options.wan);
  if (options.gateway !== undefined)
    net.ip.addRoute({ dst: 0, prefixLength: 0, gateway: parseIPv4(options.gateway), dev: wan });
  for (const rule of options.rules) {
    const { status, stderr } = runLine(net, rule);
    if (status !== 0) throw new Error(`${rule}: ${stderr}`);
  }
  return { net, lan, wan };
}

class Text implements Writer {
  text = "";

  write(text: string): boolean {
    this.text += text;
    return true;
  }
}

/** Runs one command of the lab to its end: words split at blanks; `>/dev/null` and `2>/dev/null` are understood. */
export function runLine(net: NetNamespace, line: string): { stdout: string; stderr: string; status: number } {
  const words = line.split(" ");
  const [argv0, ...args] = words.filter((word) => !word.endsWith(">/dev/null"));
  const command = commands.get(argv0);
  if (command === undefined) throw new Error(`no command ${argv0}`);
  const stdout = new Text();
  const stderr = new Text();
  const stdin = { read: () => null, readable: { arm: () => () => {} } };
  // What these commands use of the lab is the host's network, and no signal reaches them.
  const context = { net, args, argv0, stdin, stdout, stderr, signal: () => null };
  const run = command(context as unknown as LabContext);
  let status = typeof run === "number" ? run : 0;
  if (typeof run !== "number")
    for (let step = run.next(); ; step = run.next()) {
      if (step.done === true) {
        status = step.value;
        break;
      }
      const wait = { over: false };
      step.value.arm(() => {
        wait.over = true;
      });
      while (!wait.over && net.clock.step());
    }
  return {
    stdout: words.includes(">/dev/null") ? "" : stdout.text,
    stderr: words.includes("2>/dev/null") ? "" : stderr.text,
    status,
  };
}
