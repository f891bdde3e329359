import { everydayExtensions, registerExtensions } from "@netfilter-lab/engine";
import { expect, test, vi } from "vitest";
import * as everyday from "../parts/everyday.js";
import * as rare from "../parts/rare.js";
import { everydayPart, rarePart } from "../parts.js";
import { prepareFor } from "../prepare.js";
import { commandNames, commands } from "./index.js";

// As in a page: the extensions come in parts, too.
vi.mock("../../../engine/src/xtables/present.js", () => import("../../../engine/src/xtables/none-present.js"));

test("the commands of each part are known by name before it is there", () => {
  expect([...commandNames.everyday].sort()).toEqual(Object.keys(everyday.commands).sort());
  expect([...commandNames.rare].sort()).toEqual(Object.keys(rare.commands).sort());
  for (const name of [...commandNames.everyday, ...commandNames.rare]) expect(commands.has(name), name).toBe(true);
});

const cells = [
  ["await gateway.sh`ip -4 -br addr; ip route`;", []],
  ["[3, 1].sort(); // ping, then tcpdump", []],
  [
    'const capture = server.start`tcpdump -n -c 1 -i eth0 "icmp"`;\nawait client.sh`ping -c 1 10.0.0.1`;',
    ["everyday", "rare"],
  ],
  ["await gateway.sh`sysctl -a | grep forward`;", ["everyday"]],
  ['await gateway.sh("sudo iptables -A INPUT -m recent --set");', ["everyday", "rare"]],
  ["await gateway.sh`\n  iptables -t nat -A POSTROUTING -j MASQUERADE\n  conntrack -L`;", ["everyday"]],
  ["await gateway.sh`iptables-restore <<'END'\n*filter\n-A INPUT -m time -j DROP\nCOMMIT\nEND`", ["everyday", "rare"]],
] as const;
registerExtensions(everydayExtensions);
test.each(cells)("what is fetched before %j", async (source, parts) => {
  const loaded: string[] = [];
  vi.spyOn(everydayPart, "load").mockImplementation(() => {
    loaded.push("everyday");
    return Promise.resolve(everyday);
  });
  vi.spyOn(rarePart, "load").mockImplementation(() => {
    loaded.push("rare");
    return Promise.resolve(rare);
  });
  await prepareFor(source);
  expect(loaded).toEqual(parts);
});
