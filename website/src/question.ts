/**
 * The question's connection, run when the site is built: what the home page's figure shows of it. Nothing in the figure
 * is typed but its prose; a change of the engine that makes the prose untrue fails the build.
 */
import type { Plugin } from "@docusaurus/types";
import { type Host, JUPYTER_DISPLAY, Lab, theQuestion } from "netfilter-lab";
import {
  type FramedPacket,
  framesOf,
  headline,
  type Place,
  readWalkDocument,
  WALK_MIME_TYPE,
} from "netfilter-lab/packet-view";

/** The addresses of a packet at a hook. */
export interface PassedHook {
  readonly hook: string;
  readonly source: string;
  readonly destination: string;
  /** What is not as it was at the hook before. */
  readonly changed: "source" | "destination" | null;
}

export interface QuestionFigure {
  /** The entry's line of `conntrack -L`, up to its flags, taken apart at its tuples. */
  readonly entry: {
    readonly begin: string;
    readonly original: string;
    readonly reply: string;
    readonly end: string;
  };
  /** The first packet as it leaves each hook. */
  readonly request: readonly PassedHook[];
  /** Its answer as it comes to each hook. */
  readonly reply: readonly PassedHook[];
}

export const questionPluginName = "netfilter-lab-question";

/** Gives every page the figure's data. */
export function questionPlugin(): Plugin {
  return {
    name: questionPluginName,
    contentLoaded: async ({ actions }) => actions.setGlobalData(await questionFigure()),
  };
}

/** Runs the connection. */
export async function questionFigure(): Promise<QuestionFigure> {
  const lab = await Lab.create(theQuestion);
  const { client, gateway, server } = lab.hosts as Record<"client" | "gateway" | "server", Host>;
  await gateway.sh`iptables -t nat -A POSTROUTING -o eth1 -j SNAT --to-source 193.157.56.3`;
  server.start`nc -l -p 443`;
  const walk = await gateway.walk(async () => {
    client.start`sleep 60 | nc -p 50798 217.254.1.76 443`;
    await lab.sleep("1s");
  });
  const { stdout } = await gateway.sh`conntrack -L`;
  const parts = /^(tcp .*?)(src=.* dport=\d+) (src=.* dport=\d+) (\[ASSURED\])/.exec(stdout);
  if (parts === null) throw new Error(`the home page's connection is not there: ${stdout}`);
  const [, begin = "", original = "", reply = "", end = ""] = parts;
  const [syn, synAck] = framesOf(readWalkDocument(walk.view[JUPYTER_DISPLAY]()[WALK_MIME_TYPE]));
  if (syn === undefined || synAck === undefined) throw new Error("the home page's connection sent no packets");
  const lookups = [syn, synAck].map(({ frames }) => frames.filter(({ kind }) => kind === "lookup"));
  const told = lookups.map((found) => found.map(({ hook, found: direction }) => `${hook} ${direction}`).join());
  if (told.join("; ") !== "PREROUTING null; PREROUTING REPLY")
    throw new Error(`the home page tells other lookups: ${told.join("; ")}`);
  return { entry: { begin, original, reply, end }, request: passed(syn, "left"), reply: passed(synAck, "came") };
}

function passed(packet: FramedPacket, when: "came" | "left"): PassedHook[] {
  const hooks: readonly Place[] = ["PREROUTING", "FORWARD", "POSTROUTING"];
  let before: Pick<PassedHook, "source" | "destination"> = addresses(packet.packet.before);
  return hooks.map((hook) => {
    const frames = packet.frames.filter(({ place }) => place === hook);
    const frame = when === "came" ? frames[0] : frames.at(-1);
    if (frame === undefined) throw new Error(`the home page's packet does not come by ${hook}`);
    const now = addresses(frame.bytes);
    const changed =
      now.source !== before.source ? "source" : now.destination !== before.destination ? "destination" : null;
    before = now;
    return { hook, ...now, changed };
  });
}

function addresses(bytes: Uint8Array): Pick<PassedHook, "source" | "destination"> {
  const { src, sport, dst, dport } = headline(bytes);
  return { source: `${src}:${sport}`, destination: `${dst}:${dport}` };
}
