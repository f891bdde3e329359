/**
 * Passages of the question's flow through its gateway, written out by hand as the engine's tracer would hand them over:
 * what the drawings' tests draw. Function names and nesting are those of the kernel recording.
 */
import {
  checksumFold,
  checksumPartial,
  parseIPv4,
  pseudoHeaderSum,
  type TraceCall,
  type TraceNote,
  type TupleText,
} from "@netfilter-lab/engine";
import type { HookUserData, PassageData } from "../src/draw/passage.js";

export const CLIENT = "192.168.2.55";
export const GATEWAY = "193.157.56.3";
export const SERVER = "217.254.1.76";

/** A TCP packet with right checksums. */
export function tcpPacket(
  src: string,
  sport: number,
  dst: string,
  dport: number,
  flags: number,
  more: { seq?: number; ack?: number; ttl?: number; data?: string } = {},
): Uint8Array {
  const data = Array.from(more.data ?? "", (character) => character.charCodeAt(0));
  const bytes = new Uint8Array(40 + data.length);
  const view = new DataView(bytes.buffer);
  view.setUint8(0, 0x45);
  view.setUint16(2, bytes.length);
  view.setUint16(4, 0x1d94);
  view.setUint16(6, 0x4000);
  view.setUint8(8, more.ttl ?? 64);
  view.setUint8(9, 6);
  view.setUint32(12, parseIPv4(src));
  view.setUint32(16, parseIPv4(dst));
  view.setUint16(10, checksumFold(checksumPartial(bytes, 0, 20)));
  view.setUint16(20, sport);
  view.setUint16(22, dport);
  view.setUint32(24, more.seq ?? 1000);
  view.setUint32(28, more.ack ?? 0);
  view.setUint8(32, 0x50);
  view.setUint8(33, flags);
  view.setUint16(34, 64240);
  bytes.set(data, 40);
  const length = bytes.length - 20;
  const pseudo = pseudoHeaderSum(parseIPv4(src), parseIPv4(dst), 6, length);
  view.setUint16(36, checksumFold(checksumPartial(bytes, 20, length, pseudo)));
  return bytes;
}

const tuple = (src: string, sport: number, dst: string, dport: number): TupleText => ({
  src,
  dst,
  protocol: "tcp",
  sport,
  dport,
});
export const ORIGINAL: TupleText = tuple(CLIENT, 50798, SERVER, 443);
export const REPLY_BEFORE: TupleText = tuple(SERVER, 443, CLIENT, 50798);
export const REPLY: TupleText = tuple(SERVER, 443, GATEWAY, 50798);

/** The note of the entry being attached; a new one has no tuples in the hash and no state. */
const attached = (ctinfo: string, reply: TupleText): TraceNote => ({
  kind: "attach",
  entry: 1,
  ctinfo,
  already: false,
  original: ORIGINAL,
  reply,
  state: ctinfo === "NEW" ? "NONE" : "ESTABLISHED",
  confirmed: ctinfo !== "NEW",
});

const HOOK_NUMBER: Readonly<Record<string, 0 | 1 | 2 | 3 | 4>> = {
  PREROUTING: 0,
  INPUT: 1,
  FORWARD: 2,
  OUTPUT: 3,
  POSTROUTING: 4,
};

const user = (hook: string, priority: number, fn: string, module: string, label: string): HookUserData => ({
  hook,
  priority,
  fn,
  module,
  label,
});

/** The gateway's registry with the mangle, nat and filter tables. */
export const GATEWAY_HOOKS: readonly HookUserData[] = [
  user("PREROUTING", -400, "ipv4_conntrack_defrag", "nf_defrag_ipv4", "defrag"),
  user("PREROUTING", -200, "ipv4_conntrack_in", "nf_conntrack", "conntrack"),
  user("PREROUTING", -150, "iptable_mangle_hook", "iptable_mangle", "mangle"),
  user("PREROUTING", -100, "nf_nat_ipv4_pre_routing", "nf_nat", "nat (DNAT)"),
  user("INPUT", -150, "iptable_mangle_hook", "iptable_mangle", "mangle"),
  user("INPUT", 0, "ipt_do_table", "ip_tables", "filter"),
  user("INPUT", 100, "nf_nat_ipv4_local_in", "nf_nat", "nat (SNAT)"),
  user("INPUT", 0x7fffffff, "nf_confirm", "nf_conntrack", "confirm"),
  user("FORWARD", -150, "iptable_mangle_hook", "iptable_mangle", "mangle"),
  user("FORWARD", 0, "ipt_do_table", "ip_tables", "filter"),
  user("OUTPUT", -400, "ipv4_conntrack_defrag", "nf_defrag_ipv4", "defrag"),
  user("OUTPUT", -200, "ipv4_conntrack_local", "nf_conntrack", "conntrack"),
  user("OUTPUT", -150, "iptable_mangle_hook", "iptable_mangle", "mangle"),
  user("OUTPUT", -100, "nf_nat_ipv4_local_fn", "nf_nat", "nat (DNAT)"),
  user("OUTPUT", 0, "ipt_do_table", "ip_tables", "filter"),
  user("POSTROUTING", -150, "iptable_mangle_hook", "iptable_mangle", "mangle"),
  user("POSTROUTING", 100, "nf_nat_ipv4_out", "nf_nat", "nat (SNAT)"),
  user("POSTROUTING", 0x7fffffff, "nf_confirm", "nf_conntrack", "confirm"),
];

type Item = TraceCall | TraceNote;

export const call = (fn: string, module: string | null, ...children: Item[]): TraceCall => ({ fn, module, children });

/** A hook function's call, found in the registry, with its verdict. */
function hookFunction(hook: string, priority: number, children: Item[], verdict = "ACCEPT"): TraceCall {
  const ops = GATEWAY_HOOKS.find((entry) => entry.hook === hook && entry.priority === priority);
  if (ops === undefined) throw new Error(`nobody hangs on ${hook} at ${priority}`);
  return call(
    ops.fn,
    ops.module,
    { kind: "hookfn", hook: HOOK_NUMBER[hook], priority, label: ops.label },
    ...children,
    { kind: "verdict", verdict },
  );
}

const traversal = (hook: string, ...functions: TraceCall[]): TraceCall =>
  call("nf_hook_slow", null, { kind: "hook", hook: HOOK_NUMBER[hook] }, ...functions);

const CT = "nf_conntrack";
const NAT = "nf_nat";
const doTable = (...notes: Item[]): TraceCall => call("ipt_do_table", "ip_tables", ...notes);
const policy = (table: string, chain: string): TraceNote => ({ kind: "policy", table, chain, verdict: "ACCEPT" });
const mangle = (hook: string): TraceCall => hookFunction(hook, -150, [doTable(policy("mangle", hook))]);

/** The first packet: no entry, SNAT, confirm. `drop` makes the filter table drop it in FORWARD. */
export function synPassage(drop = false): PassageData {
  const prerouting = traversal(
    "PREROUTING",
    hookFunction("PREROUTING", -400, []),
    hookFunction("PREROUTING", -200, [
      call(
        "nf_conntrack_in",
        CT,
        call("nf_ct_get_tuple", CT),
        call("hash_conntrack_raw", CT),
        call("__nf_conntrack_find_get", CT, { kind: "lookup", tuple: ORIGINAL, found: null, entry: null }),
        call("nf_ct_invert_tuple", CT),
        call("__nf_conntrack_alloc", CT, { kind: "alloc", entry: 1, original: ORIGINAL, reply: REPLY_BEFORE }),
        call("nf_ct_ecache_ext_add", CT, call("nf_ct_ext_add", CT)),
        attached("NEW", REPLY_BEFORE),
        call(
          "nf_conntrack_tcp_packet",
          CT,
          call("nf_ct_seq_offset", CT),
          { kind: "state", entry: 1, before: "NONE", after: "SYN_SENT" },
          call("__nf_ct_refresh_acct", CT, call("nf_ct_acct_add", CT)),
        ),
      ),
    ]),
    mangle("PREROUTING"),
    hookFunction("PREROUTING", -100, [
      call(
        "nf_nat_inet_fn",
        NAT,
        doTable(policy("nat", "PREROUTING")),
        call(
          "__nf_nat_alloc_null_binding",
          NAT,
          call(
            "nf_nat_setup_info",
            NAT,
            call("nf_ct_invert_tuple", CT),
            call("nf_ct_invert_tuple", CT),
            call("nf_conntrack_tuple_taken", CT, call("hash_conntrack_raw", CT)),
          ),
        ),
      ),
    ]),
  );
  const forward = traversal(
    "FORWARD",
    mangle("FORWARD"),
    hookFunction(
      "FORWARD",
      0,
      drop
        ? [
            {
              kind: "rule",
              table: "filter",
              chain: "FORWARD",
              number: 1,
              rule: "-A FORWARD -p tcp -m tcp --dport 443 -j DROP",
              matched: true,
              packets: 1,
              bytes: 60,
            },
          ]
        : [policy("filter", "FORWARD")],
      drop ? "DROP" : "ACCEPT",
    ),
  );
  const postrouting = traversal(
    "POSTROUTING",
    mangle("POSTROUTING"),
    hookFunction("POSTROUTING", 100, [
      call(
        "nf_nat_inet_fn",
        NAT,
        doTable(
          {
            kind: "rule",
            table: "nat",
            chain: "POSTROUTING",
            number: 1,
            rule: `-A POSTROUTING -o eth1 -j SNAT --to-source ${GATEWAY}`,
            matched: true,
            packets: 1,
            bytes: 60,
          },
          call(
            "nf_nat_setup_info",
            NAT,
            call("nf_ct_invert_tuple", CT),
            call("nf_ct_invert_tuple", CT),
            call("nf_conntrack_tuple_taken", CT, call("hash_conntrack_raw", CT)),
            call("nf_ct_invert_tuple", CT),
            { kind: "alter-reply", entry: 1, before: REPLY_BEFORE, after: REPLY },
          ),
        ),
        call(
          "nf_nat_manip_pkt",
          NAT,
          call("nf_ct_invert_tuple", CT),
          call("nf_nat_ipv4_manip_pkt", NAT, {
            kind: "rewrite",
            manip: "SRC",
            before: ORIGINAL,
            after: tuple(GATEWAY, 50798, SERVER, 443),
          }),
        ),
      ),
    ]),
    hookFunction("POSTROUTING", 0x7fffffff, [
      call(
        "__nf_conntrack_confirm",
        CT,
        call("hash_conntrack_raw", CT),
        call("nf_conntrack_double_lock.isra.0", CT),
        call("__nf_conntrack_insert_prepare", CT),
        call("__nf_conntrack_hash_insert", CT),
        { kind: "confirm", entry: 1, original: ORIGINAL, reply: REPLY },
      ),
      call("nf_ct_deliver_cached_events", CT, call("__nf_conntrack_eventmask_report", CT), {
        kind: "event",
        type: "NEW",
        entry: 1,
      }),
    ]),
  );
  return {
    host: "gateway",
    serial: 1,
    atMicros: 0,
    iif: "eth0",
    oif: drop ? null : "eth1",
    before: tcpPacket(CLIENT, 50798, SERVER, 443, 0x02),
    after: drop ? null : tcpPacket(GATEWAY, 50798, SERVER, 443, 0x02, { ttl: 63 }),
    hooks: GATEWAY_HOOKS,
    calls: [
      call(
        "ip_rcv",
        null,
        prerouting,
        call("ip_route_input_noref", null, { kind: "route", result: "forward via eth1" }),
        call(
          "ip_forward",
          null,
          forward,
          ...(drop
            ? ([{ kind: "end", reason: "dropped in FORWARD" }] as const)
            : [call("ip_output", null, postrouting, { kind: "transmit", device: "eth1" })]),
        ),
      ),
    ],
  };
}

/** The answer: found by its own tuple in PREROUTING, rewritten there, nothing looked up in POSTROUTING. */
export function synAckPassage(): PassageData {
  const prerouting = traversal(
    "PREROUTING",
    hookFunction("PREROUTING", -400, []),
    hookFunction("PREROUTING", -200, [
      call(
        "nf_conntrack_in",
        CT,
        call("nf_ct_get_tuple", CT),
        call("hash_conntrack_raw", CT),
        call("__nf_conntrack_find_get", CT, { kind: "lookup", tuple: REPLY, found: "REPLY", entry: 1 }),
        attached("ESTABLISHED_REPLY", REPLY),
        call(
          "nf_conntrack_tcp_packet",
          CT,
          call("nf_ct_seq_offset", CT),
          { kind: "state", entry: 1, before: "SYN_SENT", after: "SYN_RECV" },
          call("__nf_ct_refresh_acct", CT, call("nf_ct_acct_add", CT)),
        ),
      ),
    ]),
    mangle("PREROUTING"),
    hookFunction("PREROUTING", -100, [
      call(
        "nf_nat_inet_fn",
        NAT,
        call(
          "nf_nat_manip_pkt",
          NAT,
          call("nf_ct_invert_tuple", CT),
          call("nf_nat_ipv4_manip_pkt", NAT, { kind: "rewrite", manip: "DST", before: REPLY, after: REPLY_BEFORE }),
        ),
      ),
    ]),
  );
  const forward = traversal("FORWARD", mangle("FORWARD"), hookFunction("FORWARD", 0, [policy("filter", "FORWARD")]));
  const postrouting = traversal(
    "POSTROUTING",
    mangle("POSTROUTING"),
    hookFunction("POSTROUTING", 100, [call("nf_nat_inet_fn", NAT)]),
    hookFunction("POSTROUTING", 0x7fffffff, [
      call(
        "nf_ct_deliver_cached_events",
        CT,
        call(
          "__nf_conntrack_eventmask_report",
          CT,
          call("nf_ct_l4proto_find", CT),
          call("nf_ct_l4proto_find", CT),
          call("nf_ct_port_tuple_to_nlattr", CT),
          call("nf_ct_l4proto_find", CT),
          call("nf_ct_port_tuple_to_nlattr", CT),
          call("nf_ct_get_id", CT),
          call("nf_ct_l4proto_find", CT),
        ),
        { kind: "event", type: "UPDATE", entry: 1 },
      ),
    ]),
  );
  return {
    host: "gateway",
    serial: 2,
    atMicros: 1040,
    iif: "eth1",
    oif: "eth0",
    before: tcpPacket(SERVER, 443, GATEWAY, 50798, 0x12, { seq: 5000, ack: 1001 }),
    after: tcpPacket(SERVER, 443, CLIENT, 50798, 0x12, { seq: 5000, ack: 1001, ttl: 63 }),
    hooks: GATEWAY_HOOKS,
    calls: [
      call(
        "ip_rcv",
        null,
        prerouting,
        call("ip_route_input_noref", null, { kind: "route", result: "forward via eth0" }),
        call("ip_forward", null, forward, call("ip_output", null, postrouting, { kind: "transmit", device: "eth0" })),
      ),
    ],
  };
}
