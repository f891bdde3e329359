/**
 * Expectations that a person makes with conntrack(8), asks for and deletes, and the connection that meets one. The tool
 * writes the upper byte of a destination's port where the protocol belongs: ports below are chosen for TCP's 6, or not.
 */
import type { Step } from "../scenario.js";
import { fromLan, fromWan, type Group, onRouter } from "./group.js";

const CLIENT = "192.168.1.10:40000";
const SERVER = "198.51.100.9:21";
const SETUP: readonly string[] = [
  "iptables-legacy -t raw -A PREROUTING -p tcp --dport 21 -j CT --helper ftp",
  "iptables-legacy -A FORWARD -m conntrack --ctstate RELATED",
];

/** The connection that expects. */
const MASTER: readonly Step[] = [
  fromLan.tcp(CLIENT, SERVER, "S", { seq: 1000 }),
  fromWan.tcp(SERVER, CLIENT, "SA", { seq: 9000, ack: 1001 }),
  fromLan.tcp(CLIENT, SERVER, "A", { seq: 1001, ack: 9001 }),
];

const MASKS = "--mask-src 255.255.255.255 --mask-dst 255.255.255.255 --mask-port-src 0 --mask-port-dst 65535";

const makes = (port: number, more = ""): string =>
  `conntrack -I expect -p tcp -s 192.168.1.10 -d 198.51.100.9 --sport 40000 --dport 21 --tuple-src 198.51.100.9 ` +
  `--tuple-dst 192.168.1.10 --tuple-port-src 20 --tuple-port-dst ${port} ${MASKS} -t 100${more}`;

const names = (port: number): string =>
  `-p tcp -s 198.51.100.9 -d 192.168.1.10 --sport 20 --dport ${port} --reply-port-src 20 --reply-port-dst ${port}`;

const run = (...commands: readonly string[]): readonly Step[] => commands.map((command) => ({ run: command }));

const LIST = "conntrack -L expect";

export const EXPECTATIONS: Group = {
  name: "expectations",
  about: "expectations that a person makes, asks for and deletes with conntrack",
  scenarios: () => [
    onRouter({
      name: "an expectation is made once, listed, asked for and deleted",
      setup: SETUP,
      steps: [
        ...MASTER,
        ...run(makes(1600), makes(1600), LIST, "conntrack -C expect", "cat /proc/net/nf_conntrack_expect"),
        ...run(`conntrack -G expect ${names(1600)}`, `conntrack -G expect ${names(1700)}`),
        ...run(`conntrack -D expect ${names(1600)}`, `conntrack -D expect ${names(1600)}`, LIST),
      ],
    }),
    onRouter({
      name: "a connection meets an expectation that a person made",
      setup: SETUP,
      steps: [
        ...MASTER,
        ...run(makes(1600)),
        fromWan.tcp("198.51.100.9:20", "192.168.1.10:1600", "S", { seq: 5 }),
        ...run(LIST),
        fromWan.tcp("198.51.100.9:20", "192.168.1.10:1601", "S", { seq: 5 }),
      ],
    }),
    onRouter({
      name: "a helper's limit: a second expectation takes the first one's place",
      setup: SETUP,
      steps: [...MASTER, ...run(makes(1600), makes(1601), LIST, "conntrack -F expect", LIST)],
    }),
    onRouter({
      name: "the port's upper byte stands where the protocol belongs",
      setup: SETUP,
      steps: [
        ...MASTER,
        ...run(makes(5000), makes(5001), LIST, `conntrack -G expect ${names(5000)}`, makes(1600), LIST),
      ],
    }),
    onRouter({
      name: "an expectation of a connection that there is not, or that has no helper, is refused",
      setup: ["iptables-legacy -A FORWARD -m conntrack --ctstate RELATED"],
      steps: [...run(makes(1600)), ...MASTER, ...run(makes(1600), LIST)],
    }),
  ],
};
