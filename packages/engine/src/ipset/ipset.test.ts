import { describe, expect, test } from "vitest";
import { VirtualClock } from "../clock.js";
import { NetNamespace } from "../netns.js";
import { SeededRandom } from "../random.js";
import { parseAddress } from "../wire/address.js";
import { addressBits, type ElementKey, emptyKey, type SetFamily } from "./element.js";
import { type IpSet, ipSetsOf, SetError, type SetOptions, TEST_NO, TEST_NOMATCH, TEST_YES } from "./ipset.js";
import { SET_TYPES } from "./types.js";

const PLAIN: SetOptions = {
  timeout: null,
  counters: false,
  comment: false,
  skbinfo: false,
  forceadd: false,
  family: "inet",
  hashsize: 1024,
  bucketsize: 12,
  initval: null,
  maxelem: 65_536,
  netmask: 32,
  bitmask: null,
  from: 0,
  to: 0,
  size: 8,
};

function words(text: string): Int32Array {
  const address = parseAddress(text);
  return typeof address === "number" ? Int32Array.of(address, 0, 0, 0) : address;
}

/** `address[/prefix]`. */
function key(text: string, more: Partial<ElementKey> = {}): ElementKey {
  const [head, length] = text.split("/");
  const family: SetFamily = head.includes(":") ? "inet6" : "inet";
  return { ...emptyKey(family), ip: words(head), cidr: Number(length ?? addressBits(family)), ...more };
}

function make(type: string, options: Partial<SetOptions> = {}): IpSet {
  const net = new NetNamespace("host", new VirtualClock(), new SeededRandom(1));
  const netmask = options.family === "inet6" ? 128 : 32;
  const setType = SET_TYPES.find(({ name }) => name === type);
  if (setType === undefined) throw new Error(`no type ${type}`);
  return ipSetsOf(net).create("s", setType, { ...PLAIN, netmask, ...options }).set;
}

const ask = (set: IpSet, text: string): number => set.test(set.normalise(key(text)));

describe("networks: the longest that holds an address answers", () => {
  test.each([
    ["inet", ["10.0.0.0/8", "10.1.0.0/16"], "10.1.2.0/24", "10.9.9.9", "10.1.2.3", "11.0.0.1"],
    ["inet6", ["2001:db8::/32", "2001:db8:1::/48"], "2001:db8:1:2::/64", "2001:db8:9::1", "2001:db8:1:2::3", "2002::"],
    ["inet6", ["::/1"], "2001:db8::5/128", "2001:db8::4", "2001:db8::5", "8000::"],
  ] as const)("%s %s but not %s", (family, nets, not, inside, excepted, outside) => {
    const set = make("hash:net", { family });
    for (const net of nets) set.add(key(net), {}, false);
    set.add(key(not), { nomatch: true }, false);
    expect([ask(set, inside), ask(set, excepted), ask(set, outside)]).toEqual([TEST_YES, TEST_NOMATCH, TEST_NO]);
  });
});

describe("what is stored of an address", () => {
  test.each<[Partial<SetOptions>, string, string[], string[]]>([
    [{}, "10.1.2.3", ["10.1.2.3"], ["10.1.2.4"]],
    [{ netmask: 24 }, "10.1.2.3", ["10.1.2.200"], ["10.1.3.3"]],
    [{ bitmask: words("0.0.0.3") }, "10.1.2.5", ["1.1.1.1"], ["10.1.2.2"]],
    [{ family: "inet6", netmask: 48 }, "2001:db8:1::5", ["2001:db8:1:ffff::9"], ["2001:db8:2::5"]],
    [{ family: "inet6", bitmask: words("::f") }, "2001:db8::25", ["::5", "fe80::15"], ["2001:db8::26"]],
  ])("%j: %s", (options, added, there, missing) => {
    const set = make("hash:ip", options);
    set.add(key(added), {}, false);
    expect(there.map((each) => ask(set, each))).toEqual(there.map(() => TEST_YES));
    expect(missing.map((each) => ask(set, each))).toEqual(missing.map(() => TEST_NO));
  });
});

test.each<[string, Partial<SetOptions>, ElementKey, object, string]>([
  ["hash:ip", {}, key("0.0.0.0"), {}, "NULL"],
  ["hash:ip", { family: "inet6" }, key("::"), {}, "NULL"],
  ["hash:net", { family: "inet6" }, key("::/0"), {}, "CIDR"],
  ["hash:ip", {}, key("1.1.1.1"), { skbinfo: { mark: 1, mask: 1, priority: 0, queue: 0 } }, "SKBINFO"],
  ["hash:ip", { maxelem: 0 }, key("1.1.1.1"), {}, "FULL"],
])("%s %j refuses an element: %#", (type, options, element, said, errno) => {
  const set = make(type, options);
  expect(() => set.add(element, said, false)).toThrow(new SetError(errno as SetError["errno"]));
  expect(set.elements()).toEqual([]);
});

test("an element of a protocol, a device or a bridge's port is another one", () => {
  const keys = [
    key("2001:db8::/64", { iface: "eth0" }),
    key("2001:db8::/64", { iface: "eth1" }),
    key("2001:db8::/64", { iface: "eth0", physdev: true }),
  ];
  const set = make("hash:net,iface", { family: "inet6" });
  for (const each of keys) set.add(each, {}, false);
  expect(set.elements()).toHaveLength(3);
  expect(() => set.add(keys[2], {}, false)).toThrow(new SetError("EXIST"));
  set.delete(keys[1], false);
  const asked = (iface: string, physdev: boolean): number => set.test(key("2001:db8::7", { iface, physdev }));
  expect([asked("eth0", false), asked("eth1", false), asked("eth0", true)]).toEqual([TEST_YES, TEST_NO, TEST_YES]);
});

test.each([
  ["inet", [], 32],
  ["inet6", [], 128],
  ["inet", ["10.0.0.0/8", "11.0.0.0/24"], 24],
  ["inet6", ["2001:db8::/32", "2001:db8:1::/56"], 56],
] as const)("packets add to a %s set of %s networks of /%i", (family, nets, length) => {
  const set = make("hash:net", { family });
  for (const net of nets) set.add(key(net), {}, false);
  expect(set.longestPrefix).toBe(length);
});
