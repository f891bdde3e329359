import { expect, test } from "vitest";
import { Lab } from "../lab.js";

async function run(listen: string, script: string): Promise<readonly [heard: string, told: string]> {
  const lab = await Lab.create({
    hosts: { a: { eth0: ["10.0.0.1/24", "fd00::1/64"] }, b: { eth0: ["10.0.0.2/24", "fd00::2/64"] } },
    links: [["a.eth0", "b.eth0"]],
  });
  const listening = lab.hosts.b.start(listen);
  await lab.sleep("100ms");
  const { text } = await lab.hosts.a.sh(script);
  await lab.sleep("1s");
  await listening.kill();
  await lab.close();
  return [text, listening.text];
}

test.each([
  [
    "socat TCP4-LISTEN:80,fork PIPE",
    "for i in 1 2; do echo $i | socat - TCP4:10.0.0.2:80; done; echo $?",
    ["1\n2\n0\n", ""],
  ],
  ["socat TCP-LISTEN:http PIPE", "echo x | socat - tcp:10.0.0.2:http", ["x\n", ""]],
  ["socat TCP6-LISTEN:80 PIPE", "echo x | socat - TCP6:[fd00::2]:80", ["x\n", ""]],
  ["socat -u TCP4-LISTEN:80 -", "echo x | socat -u - TCP4:10.0.0.2:80,sp=7", ["", "x\n"]],
  ["socat -U TCP4-LISTEN:80 - <<< y", "socat - TCP4:10.0.0.2:80", ["y\n", ""]],
  ["socat -u UDP4-RECV:53 STDOUT", "echo x | socat -u - UDP4-SENDTO:10.0.0.2:53", ["", "x\n"]],
  ["socat -u UDP6-RECV:53 STDOUT", "echo x | socat -u - UDP6-SENDTO:[fd00::2]:53", ["", "x\n"]],
  ["socat TCP4-LISTEN:80,fork TCP4:10.0.0.1:81", "nc -l 81 & echo x | socat - TCP4:10.0.0.2:80", ["x\n", ""]],
] as const)("%s and %s", async (listen, script, expected) => {
  expect(await run(listen, script)).toEqual(expected);
});

test.each([
  ["socat - TCP4:10.0.0.2:81", "connect(5, AF=2 10.0.0.2:81, 16): Connection refused"],
  ["socat - TCP4:10.0.0.2:81,bind=9.9.9.9", "bind(5, {AF=2 9.9.9.9:0}, 16): Cannot assign requested address"],
  ["socat TCP4-LISTEN:81,bind=9.9.9.9 -", "bind(5, {AF=2 9.9.9.9:81}, 16): Cannot assign requested address"],
  [
    "socat - TCP6:[fd00::2]:81",
    "connect(5, AF=10 [fd00:0000:0000:0000:0000:0000:0000:0002]:81, 28): Connection refused",
  ],
  ["socat - TCP4:10.0.0.2:81,sp=x", 'parseopts(): missing numerical value of option "sp=x"'],
  ["socat - TCP4:10.0.0.2", "TCP4: wrong number of parameters (1 instead of 2)"],
  ["socat -", 'exactly 2 addresses required (there are 1); use option "-h" for help'],
  ["socat NOPE:3 -", 'unknown device/address "NOPE"'],
  ["socat TCP4-LISTEN:80,nope -", 'parseopts_table(): unknown option "nope"'],
] as const)("%s fails", async (script, message) => {
  expect(await run("true", script)).toEqual([`2026/01/01 00:00:00 socat E ${message}\n`, ""]);
});
