import { expect, test } from "vitest";
import { commandPath, type Machine, missingOn } from "./requirements.js";

const COMPLETE: Machine = {
  platform: "linux",
  uid: 0,
  hasProgram: () => true,
  hasTun: true,
  loadLibc: () => {},
};

test.each<[string, Partial<Machine>, string[]]>([
  ["nothing", {}, []],
  [
    "Linux, and nothing else is asked then",
    { platform: "darwin", uid: 501, hasTun: false },
    ["needs Linux, and this is darwin"],
  ],
  ["root", { uid: 1000 }, ["needs root (network namespaces)"]],
  [
    "programs, by Debian's packages",
    { hasProgram: (name) => name !== "ip" && name !== "sysctl" },
    ["there is no ip, sysctl: apt-get install iproute2 procps"],
  ],
  ["TUN devices", { hasTun: false }, ["there is no /dev/net/tun: modprobe tun"]],
  [
    "koffi",
    {
      loadLibc: () => {
        throw new Error("Cannot find module 'koffi'\nRequire stack: ...");
      },
    },
    ["the npm package koffi does not load (Cannot find module 'koffi'): npm install koffi"],
  ],
  [
    "several",
    { uid: 5, hasTun: false, hasProgram: (name) => name !== "conntrack" },
    [
      "needs root (network namespaces)",
      "there is no conntrack: apt-get install conntrack",
      "there is no /dev/net/tun: modprobe tun",
    ],
  ],
])("what is missing: %s", (_, change, sentences) => {
  expect(missingOn({ ...COMPLETE, ...change })).toEqual(sentences);
});

test.each([
  ["", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
  ["/opt/x:/bin", "/opt/x:/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin"],
])("root's programs are found after the caller's own: %j", (given, path) => {
  expect(commandPath(given)).toBe(path);
});
