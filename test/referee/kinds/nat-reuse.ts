/**
 * Ports of finished, half-open and forgotten connections that NAT gives away again: few ports for many clients,
 * strangers who hold the port that a client wants, connections taken up in the middle, and entries deleted, changed and
 * made by hand while their packets go on.
 */
import type { Choice } from "../choice.js";
import { ACK, echo, FIN, PSH, RST, SYN, text, udp } from "../packets.js";
import type { PacketStep, Step } from "../scenario.js";
import { Conversation, interleaved } from "./conversation.js";
import {
  CLIENT,
  closing,
  DEVICES,
  FORWARDING,
  type Kind,
  lan,
  OTHER_CLIENT,
  OUTSIDE,
  putIn,
  SERVER,
  stateCounters,
  TOOLS,
  wan,
} from "./router.js";

const CLIENTS = [CLIENT, OTHER_CLIENT, "192.168.1.12"];
const PORTS = [4000, 5000, 5001];

/** A rule, and the ports by which servers may know a client then; absent: its own, or one that nobody foresees. */
interface Hiding {
  readonly rule: string;
  readonly ports?: readonly number[];
}

function hiding(choice: Choice, tool: string): Hiding {
  const post = `${tool} -t nat -A POSTROUTING -o wan0`;
  const random = choice.pick(["", "", " --random"]);
  return choice.pick<() => Hiding>([
    () => ({ rule: `${post} -p tcp -j SNAT --to-source ${OUTSIDE}:5000${random}`, ports: [5000] }),
    () => ({ rule: `${post} -p tcp -j SNAT --to-source ${OUTSIDE}:5000${random}`, ports: [5000] }),
    () => ({ rule: `${post} -p tcp -j SNAT --to-source ${OUTSIDE}:5000-5001${random}`, ports: [5000, 5001] }),
    () => ({ rule: `${post} -p tcp -j MASQUERADE --to-ports 5000${random}`, ports: [5000] }),
    () => ({ rule: `${post} -p tcp -j MASQUERADE --to-ports 5000-5040`, ports: [5000, 5001, 5002] }),
    () => ({ rule: `${post} -j MASQUERADE` }),
    () => ({ rule: `${post} -j SNAT --to-source ${OUTSIDE}` }),
    () => ({ rule: `${post} -s ${CLIENT} -j SNAT --to-source ${OTHER_CLIENT}` }),
  ])();
}

/**
 * A TCP connection up to some stage, from a first sequence number that may be beyond an earlier connection's, or not.
 */
function connection(choice: Choice, ports: readonly number[] | undefined): readonly PacketStep[] {
  const first = choice.pick([1000, 2000, 2000, 50_000, 0xffff_fff0, 0x7fff_ffff]);
  const ends = {
    client: choice.pick(CLIENTS),
    port: choice.pick(PORTS),
    server: SERVER,
    serverPort: 80,
    outside: OUTSIDE,
  };
  const outsidePort = ports === undefined ? ends.port : choice.pick(ports);
  const talk = new Conversation({ ...ends, outsidePort }, { lan: first, wan: choice.pick([9000, 70_000]) });
  const side = (): "lan" | "wan" => choice.pick(["lan", "wan"]);
  const stages: readonly (() => void)[] = choice.pick([
    // As it should be, to a close by either end.
    [
      () => talk.handshake(),
      () => talk.segment("lan", PSH | ACK, { length: 10 }),
      () => talk.segment("wan", FIN | ACK),
      () => talk.segment("lan", FIN | ACK),
      () => talk.segment("wan", ACK),
    ],
    // To a reset.
    [() => talk.handshake(), () => talk.segment(side(), RST | ACK), () => talk.segment(side(), ACK, { length: 4 })],
    [() => talk.segment("lan", SYN), () => talk.segment("wan", SYN | ACK), () => talk.segment("lan", RST)],
    [() => talk.segment("lan", SYN), () => talk.segment("wan", RST | ACK)],
    // Both at once.
    [
      () => talk.segment("lan", SYN),
      () => talk.segment("wan", SYN),
      () => talk.segment(side(), SYN | ACK, { seq: talk.seq.lan - 1 }),
      () => talk.segment("lan", ACK),
    ],
    // Begun by the server, as if it had been forgotten here.
    [() => talk.segment("wan", ACK, { length: 5 }), () => talk.segment("lan", ACK), () => talk.segment("wan", ACK)],
    [() => talk.segment("wan", SYN), () => talk.segment("lan", SYN | ACK), () => talk.segment("wan", ACK)],
    // Taken up in the middle.
    [() => talk.segment("lan", ACK, { length: 5 }), () => talk.segment("wan", ACK), () => talk.segment("lan", ACK)],
    // A SYN in an open connection, what answers to it, and the reset that follows.
    [
      () => talk.handshake(),
      () => talk.segment("lan", SYN, { seq: talk.seq.lan + choice.pick([-100, 0, 5, 100_000]) }),
      () => talk.segment("wan", ACK),
      () => talk.segment("lan", RST, { seq: talk.seq.lan + choice.pick([0, 0, 10, -70_000]) }),
      () => talk.segment("lan", SYN),
    ],
  ]);
  for (const stage of stages.slice(0, choice.between(1, stages.length))) stage();
  if (choice.oneIn(4)) talk.repeat();
  return talk.steps;
}

function datagrams(choice: Choice): readonly PacketStep[] {
  const client = choice.pick(CLIENTS);
  const port = choice.pick(PORTS);
  return choice.times(choice.between(1, 4), () =>
    choice.pick([
      () => lan(udp({ src: client, dst: SERVER }, { sport: port, dport: 53, payload: text(3) })),
      () => wan(udp({ src: SERVER, dst: OUTSIDE }, { sport: 53, dport: port, payload: text(3) })),
      () => lan(echo({ src: client, dst: SERVER }, port, 1)),
      () => wan(echo({ src: SERVER, dst: OUTSIDE }, port, 1, true)),
    ])(),
  );
}

function command(choice: Choice, tool: string, { rule }: Hiding): string {
  const client = choice.pick(CLIENTS);
  const port = choice.pick(PORTS);
  const flow = `-p tcp -s ${client} -d ${SERVER} --sport ${port} --dport 80`;
  const datagram = `-p udp -s ${client} -d ${SERVER} --sport ${port} --dport 53`;
  const state = choice.pick(["ESTABLISHED", "TIME_WAIT", "CLOSE", "SYN_SENT", "SYN_RECV", "LAST_ACK"]);
  return choice.pick([
    () => "conntrack -F",
    () => "conntrack -L",
    () => "conntrack -L -n",
    () => `conntrack -D -s ${client}`,
    () => `conntrack -D ${flow}`,
    () => `conntrack -D -p tcp --state ${state}`,
    () => `conntrack -D -q ${OUTSIDE}`,
    () => `conntrack -D -n ${OUTSIDE}`,
    () => `conntrack -U ${flow} --state ${state} -t 100`,
    () => `conntrack -U ${flow} -m ${choice.below(4)}`,
    () => `conntrack -U ${flow} -u ${choice.pick(["ASSURED", "SEEN_REPLY", "FIXED_TIMEOUT"])}`,
    () => `conntrack -U -p tcp -t 77`,
    () => `conntrack -U ${datagram} -t 50 -u ASSURED`,
    () => `conntrack -I ${flow} -t 60 --state ${state} -u SEEN_REPLY,ASSURED`,
    () => `conntrack -I ${flow} -t 60 --state ESTABLISHED -n ${OUTSIDE}`,
    () => `conntrack -I ${flow} -t 60 --state ESTABLISHED -n ${OUTSIDE}:5000`,
    () => `conntrack -I ${datagram} -t 60 -n ${OUTSIDE}:${port}`,
    () => `conntrack -I ${datagram} -t 60 -r ${SERVER} -q ${OUTSIDE} --reply-port-src 53 --reply-port-dst ${port}`,
    () => `conntrack -I ${datagram} -t 60 -g 203.0.113.9`,
    () => `${tool} -t nat -F`,
    () => rule,
    () => `${tool} -t nat -I POSTROUTING -o wan0 -j ${choice.pick(["ACCEPT", "MASQUERADE", "RETURN"])}`,
    () => `${tool} -t nat -A PREROUTING -i wan0 -p tcp --dport 5000 -j DNAT --to-destination ${client}:${port}`,
    () => `${tool} -t nat -A PREROUTING -i lan0 -d ${SERVER} -j DNAT --to-destination 198.51.100.10`,
    () => `sysctl -w net.netfilter.nf_conntrack_tcp_loose=${choice.below(2)}`,
    () => `sysctl -w net.netfilter.nf_conntrack_tcp_be_liberal=${choice.below(2)}`,
    () => `echo hi | timeout 0.1 nc -n -u -p ${port} ${SERVER} 53 >/dev/null 2>&1 || true`,
  ])();
}

export const NAT_REUSE: Kind = {
  name: "nat-reuse",
  about: "ports of closed and forgotten connections given away again, entries changed by hand while packets go on",
  make(choice) {
    const tool = choice.pick(TOOLS);
    const hidden = hiding(choice, tool);
    const talks = choice.times(choice.between(2, 16), () =>
      choice.oneIn(4) ? datagrams(choice) : connection(choice, hidden.ports),
    );
    const packets = choice.oneIn(3) ? interleaved(choice, talks) : talks.flat();
    const often = choice.pick([6, 12, 1000]);
    const steps = packets.flatMap((step): Step[] =>
      choice.oneIn(often) ? [{ run: command(choice, tool, hidden) }, step] : [step],
    );
    // Now and then the rule comes when connections are there already.
    const late = choice.oneIn(6);
    const when = choice.below(steps.length);
    return {
      devices: DEVICES,
      sysctl: FORWARDING,
      setup: putIn(choice, tool, [...(late ? [] : [hidden.rule]), ...stateCounters(tool)]),
      steps: late ? [...steps.slice(0, when), { run: hidden.rule }, ...steps.slice(when)] : steps,
      finally: closing(tool),
    };
  },
};
