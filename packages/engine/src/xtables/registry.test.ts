import { expect, test, vi } from "vitest";

// As in a page, where extensions come in parts.
vi.mock("./present.js", () => import("./none-present.js"));
const { findMatch, findTarget, namesUnknownExtension, registerExtensions } = await import("./registry.js");
const { everydayExtensions } = await import("./everyday.js");
const { rareExtensions } = await import("./rare.js");

test("what is not registered is not found, and found once it is", () => {
  expect(findMatch("tcp", "ipv4")).toBeUndefined();
  registerExtensions(everydayExtensions);
  registerExtensions(everydayExtensions);
  expect(findMatch("tcp", "ipv6")?.name).toBe("tcp");
  expect(findTarget("MASQUERADE", "ipv4")?.name).toBe("MASQUERADE");
  expect(findMatch("recent", "ipv4")).toBeUndefined();
});

const rare = [
  ...rareExtensions.matches.map(({ name }) => `-A INPUT -m ${name} -j ACCEPT`),
  ...rareExtensions.targets.map(({ name }) => `-t mangle -A INPUT -j ${name}`),
  "-A INPUT -mrecent --set",
  "-A INPUT --match=recent --set",
  "-A INPUT -vnjTEE --gateway 10.0.0.1",
  '*filter\n-A INPUT -m "string" --string x --algo bm -j DROP\nCOMMIT\n',
  "-A INPUT -p sctp --dport 80 -j ACCEPT",
  "-A INPUT -p 132 --dport 80 -j ACCEPT",
  "-A INPUT --protocol SCTP --dport 80 -j ACCEPT",
  '*filter\n-A INPUT -m rec"ent" --set -j DROP\nCOMMIT\n',
];
const common = [
  "",
  "-t nat -A POSTROUTING -o eth1 -p tcp --sport 1:1024 -m conntrack --ctstate NEW -j MASQUERADE",
  "-A FORWARD -m state --state RELATED,ESTABLISHED -m comment --comment rest -j ACCEPT",
  "-N recently",
  "-A INPUT -p 6 --dport 132 -j ACCEPT",
  "-P FORWARD DROP",
  "*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -p udp --dport 53 -m limit --limit 3/min -j LOG --log-prefix 'a '\nCOMMIT\n",
];
test.each(rare)("%s names one that is not registered", (text) => {
  expect(namesUnknownExtension(text)).toBe(true);
});
test.each(common)("%j names none", (text) => {
  expect(namesUnknownExtension(text)).toBe(false);
});
test.each(rare)("%s names none any more when all are registered", (text) => {
  registerExtensions(rareExtensions);
  expect(namesUnknownExtension(text)).toBe(false);
});
