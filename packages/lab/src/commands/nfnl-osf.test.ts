import { expect, test } from "vitest";
import { Lab } from "../index.js";

// The rest is compared with Linux in test/kernel/osf.test.ts; the kernel's log is the machine's, so its words stand
// here.
test.each([
  ["0", 2, "Any [1:2] : 10.0.0.1:PORT -> 10.0.0.1:80 hops=0"],
  ["1", 1, "Any [1:2] : 10.0.0.1:PORT -> 10.0.0.1:80 hops=0"],
  ["2", 2, "Any [1:2] : 10.0.0.1:PORT -> 10.0.0.1:80 hops=0"],
])("--log %s tells the kernel's log of %i fingerprints, and about which packet", async (level, count, first) => {
  const lab = await Lab.create({ hosts: { host: { eth0: ["10.0.0.1/24"] } }, links: [] });
  const { host } = lab.hosts;
  await host.sh("printf '*:64:1:60:M*,S,T,N,W7:Any:1:2:any\\n*:64:1:60:M*,S,T,N,W*:Other:3:4:\\n' > fingerprints");
  await host.sh("nfnl_osf -f fingerprints");
  await host.sh(`iptables -t mangle -A PREROUTING -p tcp -m osf --genre Nobody --log ${level}`);
  await host.sh("nc -z -w 1 10.0.0.1 80");
  const lines = (await host.sh("dmesg")).text.replaceAll(/(?<=\.1:)\d{5}|(?<=SPT=)\d+/g, "PORT").split("\n");
  expect(lines).toHaveLength(2 * count + 1);
  expect(lines[0].slice(15)).toBe(first);
  expect(lines[1]).toMatch(
    /^ {15}IN=lo OUT= MAC=(00:){12}08:00 SRC=10\.0\.0\.1 DST=10\.0\.0\.1 LEN=60 TOS=0x00 PREC=0x00 TTL=64 ID=\d+ DF PROTO=TCP SPT=PORT DPT=80 SEQ=\d+ ACK=0 WINDOW=\d+ RES=0x00 SYN URGP=0 OPT \([0-9A-F]{40}\) $/,
  );
  await host.sh("dmesg -C; nfnl_osf -d -f fingerprints; nc -z -w 1 10.0.0.1 80");
  const unknown = (await host.sh("dmesg -t")).text.split("\n");
  expect(unknown[0]).toMatch(/^Remote OS is not known: 10\.0\.0\.1:\d+ -> 10\.0\.0\.1:80$/);
  expect(unknown[1]).toMatch(/^IN=lo OUT= /);
  await lab.close();
});
