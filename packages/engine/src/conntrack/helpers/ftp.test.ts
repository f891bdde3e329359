import { describe, expect, it } from "vitest";
import { NFPROTO_IPV4, NFPROTO_IPV6 } from "../../hooks.js";
import { parseIPv6 } from "../../wire/address.js";
import { type FtpLine, readFtpLine } from "./ftp.js";

const ADDRESS: readonly number[] = [0xc0a80109 | 0];

/** What Linux's helper makes of lines; each was asked of the kernel in the referee's scenarios. */
const LINES: readonly (readonly [0 | 1, string, FtpLine])[] = [
  [0, "USER me\r\n", null],
  [0, "xPORT 192,168,1,9,200,10\r\n", null],
  [0, "PORT 192,168,1,9,200,10\r\n", found("PORT", 5, 18, 51210)],
  [0, "port 192,168,1,9,200,10\r\n", found("PORT", 5, 18, 51210)],
  [0, "PORT 192,168,1,9,0,0\r\n", found("PORT", 5, 15, 0)],
  // The second number overflows into nothing: only 16 bits are a port.
  [0, "PORT 192,168,1,9,300,10\r\n", found("PORT", 5, 18, 11274)],
  [0, "P", "partial"],
  [0, "PORT", "partial"],
  [0, "PORT\r\n", "partial"],
  [0, "PORT 192,168,1,9,200,10", "partial"],
  [0, "PORT 192,168,1,9,200,10\n", "partial"],
  [0, "PORT 192,168,1,9,200\r\n", "partial"],
  [0, "PORT 192,168,1,9,200,10,1\r\n", "partial"],
  [0, "PORT  192,168,1,9,200,10\r\n", "partial"],
  [0, "EPRT |1|192.168.1.9|51210|\r\n", found("EPRT", 5, 21, 51210)],
  [0, "EPRT !1!192.168.1.9!51210!\r\n", found("EPRT", 5, 21, 51210)],
  [0, "EPRT |1|192.168.1.9|70000|\r\n", found("EPRT", 5, 21, 4464)],
  [0, "EPRT |2|::1|51210|\r\n", "partial"],
  [0, "EPRT |1|192.168.1.9|0|\r\n", "partial"],
  [0, "EPRT |1|192.168.1.9|51210\r\n", "partial"],
  [0, "227 Entering Passive Mode (192,168,1,9,200,10)\r\n", null],
  [1, "227 Entering Passive Mode (192,168,1,9,200,10)\r\n", found("PASV", 27, 18, 51210)],
  [1, "227 192,168,1,9,200,10\r\n", found("PASV", 4, 18, 51210)],
  [1, "227 mode 1 (192,168,1,9,200,10)\r\n", "partial"],
  [1, "227 no numbers here\r\n", "partial"],
  [1, "227-Entering (192,168,1,9,200,10)\r\n", null],
  [1, "229 Entering Extended Passive Mode (|||51210|)\r\n", { ...found("EPSV", 36, 9, 51210, null) }],
  [1, "229 Entering (|||0|)\r\n", "partial"],
  [1, "229 Entering\r\n", "partial"],
];

function found(
  type: "PORT" | "PASV" | "EPRT" | "EPSV",
  offset: number,
  length: number,
  port: number,
  address: readonly number[] | null = ADDRESS,
): Exclude<FtpLine, "partial" | null> {
  return { type, offset, named: { length, address, port } };
}

describe("readFtpLine", () => {
  it.each(LINES)("direction %i: %j", (direction, text, expected) => {
    const line = readFtpLine(direction, text, NFPROTO_IPV4);
    if (expected === null || expected === "partial") expect(line).toBe(expected);
    else expect(line).toMatchObject(expected);
  });
});

describe("readFtpLine over IPv6", () => {
  const OWN = [...parseIPv6("2001:db8::9")];
  it.each<readonly [0 | 1, string, FtpLine]>([
    [0, "EPRT |2|2001:db8::9|51210|\r\n", found("EPRT", 5, 21, 51210, OWN)],
    [0, "EPRT !2!2001:0db8:0:0::09!51210!\r\n", found("EPRT", 5, 27, 51210, OWN)],
    [0, "EPRT |1|192.168.1.9|51210|\r\n", "partial"],
    [0, "EPRT |2|[2001:db8::9]|51210|\r\n", "partial"],
    [0, "EPRT |2|2001:db8::9:|51210|\r\n", "partial"],
    [0, "EPRT |2|2001:db8::9|0|\r\n", "partial"],
    [0, "EPRT |2|2001:db8::9", "partial"],
    [0, "PORT 192,168,1,9,200,10\r\n", found("PORT", 5, 18, 51210)],
    [1, "229 Entering Extended Passive Mode (|||51210|)\r\n", found("EPSV", 36, 9, 51210, null)],
  ])("direction %i: %j", (direction, text, expected) => {
    expect(readFtpLine(direction, text, NFPROTO_IPV6)).toEqual(expected);
  });
});
