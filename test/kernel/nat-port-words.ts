/** Ports of NAT's targets, as each of them takes or refuses them. */
const PORTS: readonly string[] = [
  "3000-4000/",
  "3000/",
  "3000/5",
  "3000-4000/5x",
  "3000-4000/99999",
  "3000:",
  "3000:5",
  "3000-",
  "3000-4000:5",
  "3000x",
  ":",
  "/",
  "-5",
  "",
  "3000-4000/5/6",
  "3000-4000/ 5",
  "3000-4000/http",
  "30/40",
  "http",
  "http-https",
  "http-",
  "3000-http",
  "50-http",
  "http:",
  "3000::",
  "::",
  "http/",
  "50-60/0",
  "50-60/-1",
  "50- 60",
  "50 -60",
  " 50-60",
  "+50-0x60",
  "50-60-70",
  "70000:80000",
  "50-60x/70",
];

const TOOLS = ["iptables", "iptables-legacy", "ip6tables", "ip6tables-legacy"];

function ofTool(tool: string): string[] {
  const address = tool.startsWith("ip6") ? "[fd00::1]" : "1.2.3.4";
  return PORTS.flatMap((ports) => [
    `${tool} -t nat -A POSTROUTING -p udp -j MASQUERADE --to-ports '${ports}'`,
    `${tool} -t nat -A PREROUTING -p udp -j REDIRECT --to-ports '${ports}'`,
    `${tool} -t nat -A PREROUTING -p udp -j DNAT --to-destination '${address}:${ports}'`,
    `${tool} -t nat -A POSTROUTING -p udp -j SNAT --to-source '${address}:${ports}'`,
  ]);
}

export const NAT_PORT_WORDS: readonly string[] = [
  ...TOOLS.flatMap(ofTool),
  ...TOOLS.flatMap((tool) => [`${tool} -t nat -S`, `${tool} -t nat -L -n`]),
];
