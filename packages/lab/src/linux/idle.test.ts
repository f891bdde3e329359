/** What /proc says of processes that wait: lines as Linux 6.18 gave them. */
import { expect, test } from "vitest";
import { hasTcpTimer, waitsWithoutLimit } from "./idle.js";

test.each<[what: string, line: string, arch: string, forever: boolean]>([
  [
    "nc -l",
    "288 0x3 0x7ffc2db87040 0x7ffc2db86fd4 0x800 0x7 0x55e3ac1212a0 0x7ffc2db86fa8 0x7f55dcfc9f63",
    "x64",
    true,
  ],
  ["tcpdump", "7 0x7fffa95d5750 0x2 0xffffffff 0x7f2e3d42c8d0 0x1 0x64 0x7fffa95d5738 0x7f2e3d51a230", "x64", true],
  ["poll for 5 s", "7 0x7fffa95d5750 0x2 0x1388 0x7f2e3d42c8d0 0x1 0x64 0x7fffa95d5738 0x7f2e3d51a230", "x64", false],
  [
    "conntrack -E",
    "47 0x4 0x7ffd8d064830 0x0 0x7f3b30a02928 0x7ffd8d0657d0 0x2 0x7ffd8d0647f0 0x7f3b3092aaa5",
    "x64",
    true,
  ],
  ["sleep", "230 0x0 0x0 0x7ffd6a1b9b60 0x0 0x0 0x0 0x7ffd6a1b9b18 0x7f6c3a0e5d07", "x64", false],
  [
    "select for a while",
    "23 0x1 0x7ffd6a1b9b60 0x0 0x0 0x7ffd6a1b9b18 0x0 0x7ffd6a1b9b18 0x7f6c3a0e5d07",
    "x64",
    false,
  ],
  ["select", "23 0x1 0x7ffd6a1b9b60 0x0 0x0 0x0 0x0 0x7ffd6a1b9b18 0x7f6c3a0e5d07", "x64", true],
  ["one that runs", "running", "x64", false],
  ["accept4 on arm64", "242 0x3 0x7ffc2db87040 0x7ffc2db86fd4 0x800 0x7 0x0 0x0 0x0", "arm64", true],
  ["an unknown machine", "288 0x3 0x0 0x0 0x800 0x7 0x0 0x0 0x0", "riscv64", false],
])("%s", (_what, line, arch, forever) => {
  expect(waitsWithoutLimit(`${line}\n`, arch)).toBe(forever);
});

const heading = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n";
test.each<[what: string, socket: string, timer: boolean]>([
  ["no socket", "", false],
  [
    "one that listens",
    "   0: 00000000:07E8 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1591\n",
    false,
  ],
  [
    "a SYN that will be repeated",
    "   0: 0100090A:D204 0200090A:1F90 02 00000001:00000000 01:00000064 00000001     0        0 0\n",
    true,
  ],
  [
    "TIME_WAIT",
    "   0: 0100090A:D204 0200090A:1F90 06 00000000:00000000 03:00001770 00000000     0        0 0\n",
    false,
  ],
])("TCP timers: %s", (_what, socket, timer) => {
  expect(hasTcpTimer(heading + socket)).toBe(timer);
});
