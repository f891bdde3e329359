/**
 * What the target CT says of a connection before there is one: its zone (of one direction, too, and by the mark), which
 * events it tells, its timeout policy; with labels, accounting and timestamps, and NAT that meets a connection twice.
 */
import type { Choice } from "../choice.js";
import type { Step } from "../scenario.js";
import { CLIENT, closing, DEVICES, FORWARDING, type Kind, OUTSIDE, putIn, ROUTE, SERVER, TOOLS } from "./router.js";
import { traffic } from "./traffic.js";

const ZONES = ["1", "2", "3", "65535", "mark"];
const EVENTS = [
  "new",
  "related",
  "destroy",
  "reply",
  "assured",
  "protoinfo",
  "helper",
  "mark",
  "natseqinfo",
  "secmark",
];

/** Timeout policies by their names, with the protocol that each is for. */
const POLICIES: readonly (readonly [name: string, protocol: string, states: string])[] = [
  ["tcp", "tcp", "syn_sent 7 syn_recv 9 established 40 close 5 unacknowledged 33 retrans 8"],
  ["udp", "udp", "unreplied 5 replied 9"],
  ["slow", "udp", "unreplied 5000 replied 900000"],
  ["ping", "icmp", "timeout 99"],
  ["rest", "generic", "timeout 77"],
];
/** Linux gives back four letters of a policy's name: with a longer one rules cannot be loaded as they are saved. */
const LONG = "slowest";
const MATCHES: Readonly<Record<string, string>> = { tcp: "-p tcp", udp: "-p udp", icmp: "-p icmp", generic: "-p 99" };

function zone(choice: Choice): string {
  const number = choice.pick(ZONES);
  return choice.pick([`--zone ${number}`, `--zone-orig ${number}`, `--zone-reply ${number}`]);
}

/** What a template says beside its zone. */
function saying(choice: Choice): string {
  return choice.pick([
    () => "",
    () => ` --ctevents ${choice.times(choice.between(1, 5), () => choice.pick(EVENTS)).join(",")}`,
    () => " --expevents new",
  ])();
}

function template(choice: Choice, tool: string): string {
  const [name, protocol] = choice.pick(POLICIES);
  const chain = choice.pick(["PREROUTING -i lan0", "PREROUTING -i wan0", "PREROUTING", "OUTPUT"]);
  const timeout = chain !== "OUTPUT" && choice.oneIn(3);
  const match = timeout
    ? MATCHES[protocol]
    : choice.pick(["", "-p tcp", "-p udp", "-p icmp", `-s ${CLIENT}`, "-m mark --mark 1"]);
  const what = timeout
    ? `--timeout ${name}${choice.oneIn(3) ? ` ${zone(choice)}` : ""}`
    : choice.oneIn(6)
      ? choice.pick(["--notrack", saying(choice).trim() || "--zone 4"])
      : `${zone(choice)}${saying(choice)}`;
  return `${tool} -t raw -A ${chain} ${match} -j CT ${what}`.replace(/ {2,}/g, " ");
}

/** Marks by which templates choose, labels, and what asks for a zone's connections. */
function marking(choice: Choice, tool: string): string {
  const mangle = `${tool} -t mangle -A ${choice.pick(["PREROUTING", "FORWARD", "POSTROUTING", "OUTPUT"])}`;
  const match = choice.pick(["-p tcp", "-p udp", "-p icmp", "-i lan0", "-m conntrack --ctstate NEW"]).trim();
  return choice.pick([
    () =>
      `${tool} -t raw -A PREROUTING ${choice.pick(["-p tcp", "-p udp", "-i wan0"])} -j MARK --set-mark ${choice.pick([1, 2, 3])}`,
    () =>
      `${mangle.replace(/ POSTROUTING| OUTPUT/, " FORWARD")} ${match} -j CONNMARK --set-xmark ${choice.pick([1, 7])}/0xff`,
    () =>
      `${mangle.replace(/ POSTROUTING| OUTPUT/, " FORWARD")} ${match} -m connlabel --label ${choice.below(128)} --set`,
    () => `${tool} -A FORWARD -m connlabel --label ${choice.below(3)}`,
    () =>
      `${tool} -A FORWARD -m connbytes --connbytes ${choice.pick([2, 100])}: --connbytes-dir ${choice.pick(["original", "reply", "both"])} --connbytes-mode ${choice.pick(["packets", "bytes", "avgpkt"])}`,
  ])();
}

function nat(choice: Choice, tool: string): readonly string[] {
  return choice.pick([
    [],
    [`${tool} -t nat -A POSTROUTING -o wan0 -j SNAT --to-source ${OUTSIDE}`],
    [`${tool} -t nat -A POSTROUTING -o wan0 -j MASQUERADE`],
    [`${tool} -t nat -A PREROUTING -i wan0 -d ${OUTSIDE} -j DNAT --to-destination ${CLIENT}`],
  ]);
}

/** A rule whose policy the tool does not read back by its name, and what it says of it then. */
function cutShort(choice: Choice, tool: string): string {
  const rule = `-p udp -j CT --timeout ${choice.pick([LONG, LONG, LONG.slice(0, 4)])}`;
  return choice.pick([
    () => `${tool} -t raw -${choice.pick(["A", "A", "A", "C", "D"])} PREROUTING ${rule}`,
    () => `${tool} -t raw -S`,
    () => `${tool} -t raw -Z`,
    () => `${tool}-save -t raw | grep -v '^#' | ${tool}-restore`,
  ])();
}

function command(choice: Choice, tool: string): string {
  const number = choice.pick(["0", "1", "2", "3", "65535"]);
  return choice.pick([
    () => `conntrack -L ${choice.pick(["--zone", "--orig-zone", "--reply-zone"])} ${number}`,
    () => `conntrack -L -o ${choice.pick(["extended", "labels", "labels,extended"])}`,
    () => `conntrack -L --label ${choice.below(4)}`,
    () => `conntrack -D ${choice.pick(["--zone", "--orig-zone", "--reply-zone"])} ${number}`,
    () => `conntrack -U -p udp -s ${CLIENT} --label-add ${choice.below(4)}`,
    // Of one entry: where labels cannot be taken off, the tool stops, and which entry comes first is the hash's choice.
    () => `conntrack -U -p udp -s ${CLIENT} -d ${SERVER} --sport 2000 --dport 53 --label-del`,
    () => `conntrack -U -p tcp -m ${choice.pick([0, 1, 5])}`,
    () => `conntrack -L -o ${choice.pick(["save", "save", "save,labels", "save,extended,id"])}`,
    () => `conntrack -D -o save --orig-zone ${number}`,
    () => "conntrack -L -o save | conntrack -R -",
    () => "conntrack -L -z",
    () => cutShort(choice, tool),
    () => "conntrack -C",
    () => "nfct list timeout | sort",
    () => `nfct delete timeout ${choice.pick(POLICIES)[0]}`,
    () => `nfct add timeout ${choice.pick(POLICIES)[0]} inet ${choice.pick(["udp unreplied 6", "tcp established 30"])}`,
    () => `sysctl -w net.netfilter.nf_conntrack_${choice.pick(["acct", "timestamp"])}=${choice.below(2)}`,
    () => `sysctl -w net.netfilter.nf_conntrack_events=${choice.below(3)}`,
  ])();
}

export const TEMPLATES: Kind = {
  name: "templates",
  about: "zones of one direction or both, event masks, timeout policies, labels, accounting",
  make(choice) {
    const tool = choice.pick(TOOLS);
    const steps = traffic(choice, choice.between(5, 80)).flatMap((packet): Step[] =>
      choice.oneIn(8) ? [{ run: command(choice, tool) }, packet] : [packet],
    );
    return {
      devices: DEVICES,
      sysctl: {
        ...FORWARDING,
        ...(choice.oneIn(2) ? { "net.netfilter.nf_conntrack_acct": "1" } : {}),
        ...(choice.oneIn(2) ? { "net.netfilter.nf_conntrack_timestamp": "1" } : {}),
        ...(choice.oneIn(2) ? { "net.netfilter.nf_conntrack_events": choice.pick(["0", "1", "2"]) } : {}),
      },
      setup: [
        ROUTE,
        ...POLICIES.map(([name, protocol, states]) => `nfct add timeout ${name} inet ${protocol} ${states}`),
        `nfct add timeout ${LONG} inet udp unreplied 50 replied 90`,
        ...putIn(choice, tool, [
          ...choice.times(choice.between(0, 3), () => marking(choice, tool)),
          ...choice.times(choice.between(1, 4), () => template(choice, tool)),
          ...nat(choice, tool),
          `${tool} -A FORWARD -m conntrack --ctstate NEW`,
          `${tool} -A FORWARD -m conntrack --ctstate ESTABLISHED`,
          `${tool} -A FORWARD -m conntrack --ctstate UNTRACKED`,
        ]),
      ],
      steps,
      finally: ["conntrack -L -o extended,labels", "nfct list timeout | sort", ...closing(tool)],
    };
  },
};
