/** A whole router of the engine between two TUN devices, with rules given as `iptables` commands. */
import { NetNamespace, parseCommand, SeededRandom, TunDevice, VirtualClock } from "../../packages/engine/src/index.js";
import { parseCidr, parseIPv4 } from "../../packages/engine/src/wire/address.js";
import { applyCommand } from "../../packages/lab/src/commands/iptables-apply.js";
import { toolOf } from "../../packages/lab/src/commands/iptables-tool.js";

/** The router's devices and addresses. */
export interface RouterOptions {
  readonly lan: { readonly name: string; readonly address: string };
  readonly wan: { readonly name: string; readonly address: string };
  /** Next hop of the default route. */
  readonly gateway: string;
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
  net.ip.addRoute({ dst: 0, prefixLength: 0, gateway: parseIPv4(options.gateway), dev: wan });
  for (const rule of options.rules) {
    const [program, ...args] = rule.split(" ");
    const tool = toolOf(net, "iptables", program);
    applyCommand(
      tool,
      parseCommand(args, { table: "filter", restore: false, flavour: tool.xt.flavour, program: tool.program }),
    );
  }
  return { net, lan, wan };
}
