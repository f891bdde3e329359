/**
 * SCTP associations: opened, used, shut down or aborted as a stack would; then with chunks left out, repeated, out of
 * turn, with tags of nobody's and checksums that are wrong. Heartbeats open further paths.
 */
import type { Choice } from "../choice.js";
import { type IpFields, sctp, sctpChunk, sctpInit, text } from "../packets.js";
import type { PacketStep } from "../scenario.js";
import {
  CLIENT,
  closing,
  DEVICES,
  FORWARDING,
  type Kind,
  lan,
  loaded,
  OTHER_CLIENT,
  ROUTE,
  SERVER,
  stateCounters,
  TOOLS,
  translation,
  wan,
} from "./router.js";

const DATA = 0;
const INIT = 1;
const INIT_ACK = 2;
const SACK = 3;
const HEARTBEAT = 4;
const HEARTBEAT_ACK = 5;
const ABORT = 6;
const SHUTDOWN = 7;
const SHUTDOWN_ACK = 8;
const ERROR = 9;
const COOKIE_ECHO = 10;
const COOKIE_ACK = 11;
const SHUTDOWN_COMPLETE = 14;

/** What a chunk carries, long enough to be one. */
function value(type: number, tag: number): Uint8Array {
  if (type === INIT || type === INIT_ACK) return sctpInit(tag);
  return text(
    { [DATA]: 16, [SACK]: 12, [HEARTBEAT]: 8, [HEARTBEAT_ACK]: 8, [COOKIE_ECHO]: 9, [SHUTDOWN]: 4 }[type] ?? 0,
  );
}

/** A packet to come: from whom, with which chunks, and whose tag it bears. */
interface Turn {
  readonly fromClient: boolean;
  readonly types: readonly number[];
  /** The tag in the header: the receiver's mostly. */
  readonly vtag: number;
  readonly flags?: number;
}

/** A life of an association, as two stacks that agree live it. */
function life(choice: Choice, client: number, server: number): Turn[] {
  const up = (...types: number[]): Turn => ({ fromClient: true, types, vtag: server });
  const down = (...types: number[]): Turn => ({ fromClient: false, types, vtag: client });
  const opening: Turn[] = [
    { fromClient: true, types: [INIT], vtag: 0 },
    down(INIT_ACK),
    choice.oneIn(3) ? up(COOKIE_ECHO, DATA) : up(COOKIE_ECHO),
    choice.oneIn(3) ? down(COOKIE_ACK, SACK) : down(COOKIE_ACK),
  ];
  const talk = choice.times(choice.below(6), () =>
    choice.pick([up(DATA), down(SACK), down(DATA), up(SACK, DATA), up(HEARTBEAT), down(HEARTBEAT_ACK)]),
  );
  const end = choice.pick<Turn[]>([
    [up(SHUTDOWN), down(SHUTDOWN_ACK), up(SHUTDOWN_COMPLETE)],
    [down(SHUTDOWN), up(SHUTDOWN_ACK), down(SHUTDOWN_COMPLETE)],
    [up(ABORT)],
    [down(ABORT)],
    [{ ...down(ABORT), vtag: server, flags: 1 }],
    [],
  ]);
  return [...opening, ...talk, ...end];
}

function scenario(choice: Choice, turns: (client: number, server: number) => Turn[], disturbed: boolean) {
  const tool = choice.pick(TOOLS);
  const { setup, outside } = translation(choice, tool);
  const associations = choice.between(1, 12);
  const steps: PacketStep[] = [];
  for (let i = 0; i < associations; i++) {
    const sport = choice.pick([5000 + i, 5000 + i, choice.between(1, 65_535)]);
    const dport = choice.pick([2905, 3868]);
    const inside = choice.oneIn(30) ? OTHER_CLIENT : CLIENT;
    const seen = outside === CLIENT ? inside : outside;
    const [client, server] = [choice.below(0xffffffff) + 1, choice.below(0xffffffff) + 1];
    for (const turn of turns(client, server)) {
      const [src, dst] = turn.fromClient ? [inside, SERVER] : [SERVER, seen];
      const ip: IpFields = { src, dst, id: choice.below(65_536), ttl: choice.pick([64, 64, 2]) };
      const own = turn.fromClient ? client : server;
      const wrongTag = disturbed && choice.oneIn(8);
      const packet = sctp(ip, {
        ...(turn.fromClient ? { sport, dport } : { sport: dport, dport: sport }),
        vtag: wrongTag ? choice.pick([0, own, choice.below(0xffffffff)]) : turn.vtag,
        chunks: turn.types.map((type) => {
          const cut = disturbed && choice.oneIn(25);
          const carried = value(type, disturbed && choice.oneIn(8) ? choice.below(0xffffffff) : own);
          const flags = disturbed && choice.oneIn(6) ? choice.below(4) : (turn.flags ?? 0);
          if (!cut) return sctpChunk(type, flags, carried);
          return sctpChunk(
            type,
            flags,
            carried.subarray(0, choice.below(carried.length + 1)),
            choice.pick([0, 1, 3, 4, 5, 7, 400]),
          );
        }),
        ...(disturbed && choice.oneIn(12) ? { checksumError: choice.pick([1, 0x01000000]) } : {}),
      });
      steps.push(turn.fromClient ? lan(packet) : wan(packet));
    }
  }
  return {
    devices: DEVICES,
    sysctl: {
      ...FORWARDING,
      ...(disturbed && choice.oneIn(6) ? { "net.netfilter.nf_conntrack_checksum": "0" } : {}),
    },
    setup: [ROUTE, loaded(tool, [...setup, ...stateCounters(tool)])],
    steps,
    finally: closing(tool),
  };
}

export const SCTP: Kind = {
  name: "sctp",
  about: "SCTP associations as stacks live them: opened, used, shut down, aborted; heartbeats; NAT with its CRC",
  make: (choice) => scenario(choice, (client, server) => life(choice, client, server), false),
};

/** Every chunk type that the tracker looks at, and some that it does not. */
const TYPES = [
  DATA,
  INIT,
  INIT_ACK,
  SACK,
  HEARTBEAT,
  HEARTBEAT_ACK,
  ABORT,
  SHUTDOWN,
  SHUTDOWN_ACK,
  ERROR,
  COOKIE_ECHO,
  COOKIE_ACK,
  SHUTDOWN_COMPLETE,
  12,
  15,
  32,
  192,
];

export const SCTP_ADVERSARIAL: Kind = {
  name: "sctp-adversarial",
  about: "SCTP chunks left out, out of turn, bundled where they may not be, with wrong tags, lengths and checksums",
  make: (choice) =>
    scenario(
      choice,
      (client, server) =>
        life(choice, client, server).flatMap((turn): Turn[] => {
          if (choice.oneIn(8)) return [];
          const random = (): Turn => ({
            fromClient: choice.oneIn(2),
            types: choice.times(choice.pick([1, 1, 1, 2, 3, 0]), () => choice.pick(TYPES)),
            vtag: choice.pick([client, server, server, 0]),
          });
          const turns = choice.oneIn(6) ? [turn, turn] : [turn];
          return choice.oneIn(3) ? [...turns, random(), ...choice.times(choice.below(3), random)] : turns;
        }),
      true,
    ),
};
