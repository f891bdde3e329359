/** `-m udp`: ports. Models udp_mt(), net/netfilter/xt_tcpudp.c. */
import { get16 } from "../../wire/bytes.js";
import { ParameterProblem } from "../error.js";
import type { Match, MatchExtension, XtActionParam } from "../extension.js";
import { NftTransportMatch, type PortTest, portTest, readBack } from "../nft-transport.js";
import type { Range } from "../options.js";
import { asksPort, listPorts, portOptions, resolvePort, savePorts } from "../ports.js";

class UdpMatch implements Match {
  readonly name: string = "udp";
  readonly #sports: Range;
  readonly #sportsInverted: boolean;
  readonly #dports: Range;
  readonly #dportsInverted: boolean;

  constructor(sports: PortTest, dports: PortTest) {
    this.#sports = sports.range;
    this.#sportsInverted = sports.inverted;
    this.#dports = dports.range;
    this.#dportsInverted = dports.inverted;
  }

  match(par: XtActionParam): boolean {
    if (par.fragoff !== 0) return false;
    const { data, len } = par.skb;
    if (par.thoff + 8 > len) {
      par.hotdrop = true;
      return false;
    }
    const sport = get16(data, par.thoff);
    if ((sport >= this.#sports.min && sport <= this.#sports.max) === this.#sportsInverted) return false;
    const dport = get16(data, par.thoff + 2);
    return (dport >= this.#dports.min && dport <= this.#dports.max) !== this.#dportsInverted;
  }

  save(): string {
    return (
      savePorts("sport", this.#sports, this.#sportsInverted) + savePorts("dport", this.#dports, this.#dportsInverted)
    );
  }

  print(numeric: boolean): string {
    const sports = listPorts("spt", this.#sports, this.#sportsInverted, "udp", numeric);
    return ` udp${sports}${listPorts("dpt", this.#dports, this.#dportsInverted, "udp", numeric)}`;
  }
}

/** Ports as this extension reads them: numbers wrap at 16 bits, and a range may run backwards. */
function ports(text: string): Range {
  const ends = text.split(":", 2);
  const [min, max] = ends.map((end, index) => {
    if (end === "") return index === 0 ? 0 : 65535;
    const port = resolvePort(end, "udp");
    if (port === undefined) throw new ParameterProblem(`Port "${end}" does not resolve to anything.\n`);
    return port;
  });
  return { min, max: max ?? min };
}

/** Ports of the option by its long name, which the message has. Models XTTYPE_PORTRC. */
function portsOf(name: string): (text: string) => Range {
  return (text) => {
    if (text.split(":").length > 2)
      throw new ParameterProblem(`udp: Too many components for option "--${name}" (max: 2)\n`);
    return ports(text);
  };
}

export const udpMatch: MatchExtension = {
  kind: "match",
  name: "udp",
  protocols: [17],
  help: `
udp match options:
[!] --source-port port[:port]
 --sport ...
				match source port(s)
[!] --destination-port port[:port]
 --dport ...
				match destination port(s)
`,
  options: [...portOptions(portsOf, false)],
  buildInNft: (values) =>
    asksPort(values, "sport") || asksPort(values, "dport")
      ? new NftTransportMatch(
          new UdpMatch(readBack(portTest(values, "sport")), readBack(portTest(values, "dport"))),
          values,
          null,
        )
      : null,
  build: (values) => new UdpMatch(portTest(values, "sport"), portTest(values, "dport")),
};
