/**
 * TPROXY: gives a packet to a socket of this host that is not its own address's. No socket here is transparent, so that
 * there never is one: the packet is dropped. Models tproxy_tg4(), net/netfilter/xt_TPROXY.c.
 */
import { NF_DROP, NF_INET_PRE_ROUTING } from "../../hooks.js";
import { ParameterProblem, RulesetError } from "../error.js";
import type { TargetExtension } from "../extension.js";
import { ADDRESS_WORDS } from "../ip-header.js";
import type { AddressWords } from "../ip-spec.js";
import { parseHost } from "../network.js";
import { hex, type MarkMask, markMaskOption } from "../options.js";
import { resolvePort } from "../ports.js";
import { addressText } from "../print.js";

export const tproxyTarget: TargetExtension = {
  kind: "target",
  name: "TPROXY",
  tables: ["mangle"],
  hooks: 1 << NF_INET_PRE_ROUTING,
  help: `
TPROXY target options:
  --on-port port		    Redirect connection to port, or the original port if 0
  --on-ip ip			    Optionally redirect to the given IP
  --tproxy-mark value[/mask]	    Mark packets with the given value/mask

`,
  options: [
    {
      name: "on-port",
      mandatory: true,
      parse(text) {
        const port = resolvePort(text, null);
        if (port === undefined) throw new ParameterProblem(`Port "${text}" does not resolve to anything.\n`);
        return port;
      },
    },
    { name: "on-ip", parse: parseHost },
    { name: "tproxy-mark", parse: markMaskOption },
  ],
  build(values, header) {
    const port = values.get<number>("on-port");
    const address = addressText(values.get<AddressWords>("on-ip") ?? new Int32Array(ADDRESS_WORDS[header.family]));
    const { mark, mask } = values.get<MarkMask>("tproxy-mark") ?? { mark: 0, mask: 0 };
    const markText = `${hex(mark)}/${hex(mask)}`;
    return {
      name: "TPROXY",
      check() {
        if ((header.proto !== 6 && header.proto !== 17) || header.invertProto)
          throw new RulesetError("EINVAL", "", "Can be used only with -p tcp or -p udp");
      },
      target: () => NF_DROP,
      save: () => ` --on-port ${port} --on-ip ${address} --tproxy-mark ${markText}`,
      print: () => ` TPROXY redirect ${address}:${port} mark ${markText}`,
    };
  },
};
