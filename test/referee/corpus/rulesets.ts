/**
 * What rulesets of real programs (test/rulesets) do to packets: those they let through, drop, reject and rewrite, each
 * program's by both flavours of iptables.
 */
import { readFileSync } from "node:fs";
import { arrives, FORWARDING } from "../kinds/router.js";
import { echo, tcp, udp } from "../lines.js";
import type { PacketStep, Scenario, Step } from "../scenario.js";
import { type Group, LIST } from "./group.js";

const FOLDER = "test/rulesets";
const FLAVOURS = ["iptables", "iptables-legacy"] as const;

/** A command that reads a file of the folder. */
function reads(command: string, file: string): string {
  return `${command} << 'END'\n${readFileSync(`${FOLDER}/${file}`, "utf8")}END`;
}

/** A scenario without what loads its rules. */
interface Behaviour {
  readonly name: string;
  readonly steps: readonly Step[];
  readonly setup?: readonly string[];
}

interface Program {
  /** Of its files, and in the scenarios' names. */
  readonly name: string;
  readonly devices: Scenario["devices"];
  readonly sysctl?: Readonly<Record<string, string>>;
  /** Before the rules: sets, routes. */
  readonly setup?: readonly string[];
  readonly behaviours: readonly Behaviour[];
}

function scenariosOf({ name, devices, sysctl = {}, setup = [], behaviours }: Program): Scenario[] {
  return behaviours.flatMap((behaviour) =>
    FLAVOURS.map((tool) => ({
      version: 1,
      name: `${name}: ${behaviour.name} (${tool})`,
      devices,
      sysctl: { ...FORWARDING, ...sysctl },
      setup: [...setup, reads(`${tool}-restore`, `${name}.v4.rules`), ...(behaviour.setup ?? [])],
      steps: behaviour.steps,
      finally: [LIST, `${tool}-save -c`],
    })),
  );
}

const lan = (bytes: Uint8Array): PacketStep => arrives("lan0", bytes);
const wan = (bytes: Uint8Array): PacketStep => arrives("wan0", bytes);
const docker = (bytes: Uint8Array): PacketStep => arrives("docker0", bytes);
const front = (bytes: Uint8Array): PacketStep => arrives("br-front", bytes);
const back = (bytes: Uint8Array): PacketStep => arrives("br-back", bytes);
const pods = (bytes: Uint8Array): PacketStep => arrives("pods", bytes);

const syn = (from: string, to: string): Uint8Array => tcp(from, to, "S", { seq: 1 });
const synAck = (from: string, to: string): Uint8Array => tcp(from, to, "SA", { seq: 1, ack: 2 });

const LAN_WAN = { lan0: ["192.168.1.1/24"], wan0: ["198.51.100.1/24"] };
const LAN = "192.168.1.10";
const HERE = "198.51.100.1";
const FAR = "198.51.100.9";

const DOCKER: Program = {
  name: "docker",
  devices: {
    wan0: ["198.51.100.1/24"],
    docker0: ["172.17.0.1/16"],
    "br-front": ["172.20.0.1/16"],
    "br-back": ["172.21.0.1/16"],
  },
  behaviours: [
    {
      name: "a published port leads to the container, and its answers come from the host",
      steps: [wan(syn(`${FAR}:5000`, `${HERE}:8080`)), docker(synAck("172.17.0.2:80", `${FAR}:5000`))],
    },
    {
      name: "a published UDP port of a network of its own",
      steps: [wan(udp(`${FAR}:5000`, `${HERE}:53`)), front(udp("172.20.0.5:53", `${FAR}:5000`))],
    },
    {
      name: "a port published on the loopback alone is not there for others",
      steps: [wan(syn(`${FAR}:5000`, `${HERE}:5432`)), wan(syn(`${FAR}:5000`, "172.17.0.2:5432"))],
    },
    {
      name: "containers go out as the host, and what they did not ask for does not come in",
      steps: [
        docker(udp("172.17.0.2:4000", `${FAR}:53`)),
        wan(udp(`${FAR}:53`, `${HERE}:4000`)),
        wan(syn(`${FAR}:5000`, "172.17.0.2:22")),
        wan(syn(`${FAR}:5000`, "172.17.0.2:80")),
      ],
    },
    {
      name: "networks are kept apart",
      steps: [
        docker(syn("172.17.0.2:4000", "172.20.0.5:80")),
        front(syn("172.20.0.5:4000", "172.17.0.2:80")),
        docker(syn("172.17.0.2:4001", "172.17.0.3:80")),
        back(syn("172.21.0.2:4000", `${FAR}:80`)),
        wan(syn(`${FAR}:4000`, "172.21.0.2:80")),
      ],
    },
    {
      name: "a container reaches a published port of another network by the host's address",
      steps: [front(syn("172.20.0.5:4000", `${HERE}:8080`)), docker(syn("172.17.0.3:4000", `${HERE}:8080`))],
    },
  ],
};

const UFW: Program = {
  name: "ufw",
  devices: LAN_WAN,
  behaviours: [
    {
      name: "allowed services answer, others do not",
      steps: [
        wan(syn(`${FAR}:5000`, `${HERE}:80`)),
        wan(syn(`${FAR}:5001`, `${HERE}:443`)),
        wan(syn(`${FAR}:5002`, `${HERE}:23`)),
        wan(syn(`${FAR}:5003`, `${HERE}:25`)),
        wan(syn(`${FAR}:5004`, `${HERE}:8080`)),
        lan(udp(`${LAN}:4000`, "192.168.1.1:53")),
        wan(udp(`${FAR}:4000`, `${HERE}:53`)),
        wan(echo(FAR, HERE, 7, 1)),
      ],
    },
    {
      name: "ssh is limited: the sixth attempt within 30 seconds is rejected",
      steps: Array.from({ length: 8 }, (_, i) => wan(syn(`${FAR}:${6000 + i}`, `${HERE}:22`))),
    },
    {
      name: "the limit is each address's own",
      steps: [1, 2].flatMap((host) =>
        Array.from({ length: 6 }, (_, i) => wan(syn(`198.51.100.${host + 20}:${6000 + i}`, `${HERE}:22`))),
      ),
    },
    {
      name: "routed traffic goes from the LAN, and only its answers come back",
      steps: [
        lan(syn(`${LAN}:4000`, `${FAR}:80`)),
        wan(synAck(`${FAR}:80`, `${LAN}:4000`)),
        wan(syn(`${FAR}:4000`, `${LAN}:80`)),
        wan(tcp(`${FAR}:4001`, `${LAN}:80`, "A", { seq: 1, ack: 1 })),
        wan(echo(FAR, LAN, 7, 1)),
      ],
    },
    {
      name: "broadcasts and multicasts are dropped without a word",
      steps: [
        lan(udp(`${LAN}:137`, "192.168.1.255:137")),
        lan(udp(`${LAN}:5353`, "224.0.0.251:5353")),
        lan(udp(`${LAN}:1900`, "239.255.255.250:1900")),
        lan(udp(`${LAN}:9999`, "239.1.2.3:9999")),
      ],
    },
  ],
};

const FIREWALLD: Program = {
  name: "firewalld",
  devices: LAN_WAN,
  behaviours: [
    {
      name: "the external zone serves ssh and http, forwards a port, and rejects the rest",
      steps: [
        wan(syn(`${FAR}:5000`, `${HERE}:22`)),
        wan(syn(`${FAR}:5001`, `${HERE}:80`)),
        wan(syn(`${FAR}:5002`, `${HERE}:8080`)),
        lan(synAck(`${LAN}:80`, `${FAR}:5002`)),
        wan(syn(`${FAR}:5003`, `${HERE}:25`)),
        wan(syn(`${FAR}:5004`, `${HERE}:21`)),
        wan(syn(`203.0.113.5:5004`, `${HERE}:21`)),
        wan(echo(FAR, HERE, 7, 1)),
      ],
    },
    {
      name: "the internal zone serves its own, and refuses whom a rich rule names",
      steps: [
        lan(syn(`${LAN}:5000`, "192.168.1.1:22")),
        lan(udp(`${LAN}:137`, "192.168.1.1:137")),
        lan(udp(`${LAN}:5353`, "192.168.1.1:5353")),
        lan(syn(`${LAN}:5001`, "192.168.1.1:80")),
        lan(syn("192.168.1.66:5000", "192.168.1.1:22")),
      ],
    },
    {
      name: "zones forward nothing to each other without a policy, and what comes uninvited is rejected",
      steps: [
        lan(syn(`${LAN}:4000`, `${FAR}:80`)),
        wan(synAck(`${FAR}:80`, `${HERE}:4000`)),
        wan(syn(`${FAR}:4000`, `${LAN}:22`)),
        wan(tcp(`${FAR}:4001`, `${HERE}:22`, "R", { seq: 1 })),
      ],
    },
  ],
};

const FAIL2BAN: Program = {
  name: "fail2ban",
  devices: LAN_WAN,
  setup: [reads("ipset restore", "fail2ban.sets")],
  behaviours: [
    {
      name: "a banned address is rejected where its jail says, others are not",
      steps: [
        wan(syn("198.51.100.66:5000", `${HERE}:22`)),
        wan(syn("198.51.100.66:5001", `${HERE}:80`)),
        wan(syn("198.51.100.66:5002", `${HERE}:25`)),
        wan(syn("198.51.100.67:5000", `${HERE}:22`)),
        wan(syn("198.51.100.67:5001", `${HERE}:25`)),
        wan(syn("198.51.100.68:5000", `${HERE}:22`)),
      ],
    },
    {
      name: "a set bans from all ports, as long as the address is in it",
      steps: [
        wan(syn("198.51.100.99:5000", `${HERE}:80`)),
        { run: "ipset add f2b-recidive 198.51.100.98 timeout 600" },
        wan(syn("198.51.100.98:5000", `${HERE}:80`)),
        { run: "ipset del f2b-recidive 198.51.100.99" },
        wan(syn("198.51.100.99:5001", `${HERE}:80`)),
        { run: "ipset test f2b-recidive 198.51.100.98" },
      ],
    },
  ],
};

/** Connections whose endpoint is drawn: one a scenario, so that the recording's draw is plain. */
const KUBE_PROXY: Program = {
  name: "kube-proxy",
  devices: { wan0: ["198.51.100.1/24"], pods: ["10.244.1.1/24"] },
  behaviours: [
    {
      name: "a cluster address leads a pod to an endpoint by chance, and back",
      steps: [
        pods(udp("10.244.1.20:4000", "10.96.0.10:53")),
        pods(udp("10.244.1.5:53", "10.244.1.20:4000")),
        pods(udp("10.244.1.6:53", "10.244.1.20:4000")),
      ],
    },
    {
      name: "an endpoint reaches its own service by the cluster address, masqueraded",
      steps: [pods(udp("10.244.1.5:4000", "10.96.0.10:53")), pods(udp("10.244.1.6:4000", "10.96.0.10:53"))],
    },
    {
      name: "a node port leads from outside to an endpoint, masqueraded, and stays with it",
      steps: [
        wan(syn(`${FAR}:5000`, `${HERE}:30080`)),
        pods(synAck("10.244.1.7:8080", "10.244.1.1:5000")),
        pods(synAck("10.244.1.8:8080", "10.244.1.1:5000")),
        wan(syn(`${FAR}:5001`, `${HERE}:30080`)),
        wan(syn(`${FAR}:5002`, `${HERE}:30080`)),
      ],
    },
    {
      name: "a service without endpoints is rejected; invalid packets are dropped",
      steps: [
        pods(syn("10.244.1.20:4000", "10.96.0.77:80")),
        pods(tcp("10.244.1.20:4001", `${FAR}:80`, "SF", { seq: 1 })),
        pods(syn("10.244.1.20:4002", `${FAR}:80`)),
      ],
    },
  ],
};

const HOME_ROUTER: Program = {
  name: "home-router",
  devices: LAN_WAN,
  setup: [reads("ipset restore", "home-router.sets"), "ip route add default dev wan0"],
  behaviours: [
    {
      name: "the LAN goes out masqueraded, with its segments clamped",
      steps: [
        lan(syn(`${LAN}:4000`, `${FAR}:80`)),
        lan(tcp(`${LAN}:4001`, `${FAR}:80`, "S", { seq: 1, wscale: 7 })),
        wan(synAck(`${FAR}:80`, `${HERE}:4000`)),
        lan(udp(`${LAN}:5060`, `${FAR}:5060`)),
      ],
    },
    {
      name: "a forwarded port from outside, and from inside by the outside's address",
      steps: [
        wan(syn(`${FAR}:5000`, `${HERE}:8443`)),
        lan(synAck(`${LAN}:443`, `${FAR}:5000`)),
        lan(syn("192.168.1.20:5000", `${HERE}:8443`)),
        lan(synAck(`${LAN}:443`, "192.168.1.1:5000")),
        wan(udp(`${FAR}:27015`, `${HERE}:27020`)),
        wan(syn(`${FAR}:5001`, `${HERE}:443`)),
      ],
    },
    {
      name: "guests reach the Internet only; blocked networks nothing",
      steps: [
        lan(syn("192.168.1.200:4000", `${FAR}:80`)),
        lan(syn("192.168.1.200:4001", "192.168.1.10:80")),
        lan(syn("192.168.1.200:4002", "192.168.7.10:80")),
        wan(syn("203.0.113.5:5000", `${HERE}:8443`)),
        wan(syn(`${FAR}:5000`, `${LAN}:22`)),
      ],
    },
    {
      name: "the router's own services",
      steps: [
        lan(udp(`${LAN}:4000`, "192.168.1.1:53")),
        lan(syn(`${LAN}:4000`, "192.168.1.1:22")),
        lan(syn(`${LAN}:4001`, "192.168.1.1:8080")),
        ...Array.from({ length: 5 }, (_, i) => wan(syn(`${FAR}:${5000 + i}`, `${HERE}:22`))),
        wan(echo(FAR, HERE, 7, 1)),
      ],
    },
  ],
};

export const RULESETS: Group = {
  name: "rulesets",
  about: "rules of Docker, ufw, firewalld, fail2ban, kube-proxy and a home's router: what they do to packets",
  scenarios: () => [DOCKER, UFW, FIREWALLD, FAIL2BAN, KUBE_PROXY, HOME_ROUTER].flatMap(scenariosOf),
};
