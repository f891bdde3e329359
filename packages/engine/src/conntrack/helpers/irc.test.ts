import { expect, it } from "vitest";
import { type DccNamed, readDcc } from "./irc.js";

const ADDRESS = 3232235785;

/** What Linux's helper makes of private messages; the referee asks the kernel for the like. */
const MESSAGES: readonly (readonly [string, DccNamed | null])[] = [
  [`PRIVMSG friend :\u0001DCC SEND file.txt ${ADDRESS} 5000 17\u0001\r\n`, named(35, 15, 5000)],
  [`PRIVMSG friend :\u0001DCC CHAT chat ${ADDRESS} 5000\u0001\r\n`, named(31, 15, 5000)],
  [`\r\nprivmsg friend :\u0001DCC SEND file.txt ${ADDRESS} 5000 17\u0001\r\n`, named(37, 15, 5000)],
  [`PRIVMSG friend :\u0001DCC SEND file.txt ${ADDRESS}   5000 17\u0001\r\n`, named(35, 17, 5000)],
  // Without a command that is known, the search goes on behind it.
  [`PRIVMSG friend :\u0001DCC GIVE :\u0001DCC SEND f ${ADDRESS} 5000 5\u0001\r\n`, named(39, 15, 5000)],
  [`PRIVMSG friend :\u0001DCC SEND file.txt ${ADDRESS + 2 ** 32} 70536 17\u0001\r\n`, named(35, 16, 5000)],
  [`PRIVMSG friend :\u0001DCC GIVE file.txt ${ADDRESS} 5000 17\u0001\r\n`, null],
  [`PRIVMSG friend :\u0001dcc SEND file.txt ${ADDRESS} 5000 17\u0001\r\n`, null],
  [`NOTICE friend :\u0001DCC SEND file.txt ${ADDRESS} 5000 17\u0001\r\n`, null],
  [`PRIVMSG friend :\u0001DCC SEND file.txt ${ADDRESS} 5000 17\u0001`, null],
  ["PRIVMSG a :\u0001DCC SEND f 1 2\u0001\n", null],
  ["PING x\r\n", null],
];

function named(offset: number, length: number, port: number): DccNamed {
  return { offset, length, address: ADDRESS | 0, port };
}

it.each(MESSAGES)("%j", (text, expected) => {
  expect(readDcc(text)).toEqual(expected);
});
