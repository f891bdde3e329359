/** Whatever words follow a command, and whatever a script is made of: an answer, never a defect and never a hang. */
import { randomInt } from "node:crypto";
import fc from "fast-check";
import { expect, test } from "vitest";
import { EndlessCommandError, type Host, Lab } from "../index.js";
import { quoteWord } from "../quote.js";
import { commands } from "./index.js";

const WORDS = (
  "ip addr add del show route link set eth0 dev rule neigh via default 192.168.2.1 10.0.0.0/8 1.2.3 from to lookup get " +
  "flush table all tos fwmark 0x1/0x2 nud lladdr metric scope src match root replace label iif oif mark mtu up down " +
  "tcp udp icmp host port 80 80-90 and not ( ) tcp[13] = != & net.ipv4.ip_forward=1 net.ipv4.ip_forward do dont " +
  "0 1 -1 99999999999999999999 x - -- --sport --dport --state ESTABLISHED --src --help --version xml save id"
).split(" ");
const PIECES = (
  "echo|if|then|fi|else|while|do|done|for i in 1 2|;|&&|||||&|(|)|{|}|<|>|>>|<<<|<<EOF|EOF|$x|${x:-y}|$(echo a)|'|\"|`|#|" +
  "x=1|false|true|cat|2>&1|!|$((1+2))|case|esac|[[ 1 ]]|f()|{1..3}|{a,b}|\\|*|exit|break|continue|sleep 1|wait|$?|$|${|$("
).split("|");

/** Another one each time; FUZZ_SEED repeats one. Printed first: an input may take the whole process with it. */
const seed = Number(process.env.FUZZ_SEED ?? randomInt(2 ** 31));
console.log(`arguments.test.ts: FUZZ_SEED=${seed}`);

const option = fc.integer({ min: 97, max: 122 }).chain((code) => {
  const letter = String.fromCharCode(code);
  return fc.constantFrom(`-${letter}`, `-${letter.toUpperCase()}`);
});
const word = fc.oneof(fc.constantFrom(...WORDS), option, fc.string({ maxLength: 5 }));

async function client(): Promise<Host> {
  const lab = await Lab.create({
    hosts: {
      client: { eth0: "192.168.2.55/24", routes: ["default via 192.168.2.1"] },
      gateway: { eth0: "192.168.2.1/24", forwarding: true },
    },
    links: [["client.eth0", "gateway.eth0"]],
  });
  return lab.hosts.client;
}

/** The exit status; null for a command that waits for what cannot come, which the lab says by an error of its own. */
async function statusOf(host: Host, script: string): Promise<number | null> {
  try {
    return (await host.sh(script)).status;
  } catch (error) {
    if (error instanceof EndlessCommandError) return null;
    throw error;
  }
}

test("any words behind any command", async () => {
  const host = await client();
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...commands.keys()), fc.array(word, { maxLength: 7 }), async (name, words) => {
      const status = await statusOf(host, [name, ...words.map(quoteWord)].join(" "));
      expect(status === null || (status >= 0 && status <= 255)).toBe(true);
    }),
    { numRuns: 400, seed },
  );
});

test("any pieces of a script", async () => {
  const host = await client();
  const script = fc.array(fc.constantFrom(...PIECES, "\n"), { maxLength: 9 });
  await fc.assert(
    fc.asyncProperty(script, fc.constantFrom(" ", ""), async (pieces, between) => {
      const status = await statusOf(host, pieces.join(between));
      expect(status === null || (status >= 0 && status <= 255)).toBe(true);
    }),
    { numRuns: 400, seed },
  );
});

test.each([
  ["seq 99999999999999999999", "has not ended"],
  ["seq 99999999999999999999 >/dev/null", "has not ended"],
  ["seq 99999999999999999999 >file", "has not ended"],
  ["x=$(seq 99999999999999999999)", "has not ended"],
  ["seq 99999999999999999999 | sort", "has not ended"],
  ["seq 900000 >file; cat file file file", "has printed too much"],
  ["printf %999999999s x", "has printed too much"],
  ["yes", "has not ended"],
  ["yes | sort", "has not ended"],
])("%s is endless", { timeout: 60_000 }, async (script, why) => {
  const host = await client();
  const error = await host.sh(script).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(EndlessCommandError);
  expect(String(error)).toContain(why);
});

test("what nobody reads any more ends", async () => {
  const host = await client();
  expect(await host.sh("seq 99999999999999999999 | head -2")).toMatchObject({ stdout: "1\n2\n", status: 0 });
  expect(await host.sh("yes | head -1")).toMatchObject({ stdout: "y\n", status: 0 });
});
