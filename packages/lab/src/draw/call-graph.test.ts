import { describe, expect, it } from "vitest";
import { recordedPackets } from "../../test/drawings.js";
import { call, synAckPassage, synPassage } from "../../test/passages.js";
import {
  callsOnly,
  compareGraphs,
  countCalls,
  drawCallGraph,
  type GraphCall,
  parseFunctionGraph,
  RecordingError,
  trackedReceptions,
} from "./call-graph.js";

const leaf = (fn: string, module: string | null = null, ...children: GraphCall[]): GraphCall => ({
  fn,
  module,
  children,
});

describe("parseFunctionGraph", () => {
  it.each([
    ["ip_rcv();", [leaf("ip_rcv")]],
    ["a [m]() {\n  b.isra.0 [m]();\n}\nc();", [leaf("a", "m", leaf("b.isra.0", "m")), leaf("c")]],
    ["\n# a comment\na() {\n} /* a */\n", [leaf("a")]],
    ["} /* begins inside of a call */\na() {\n  b();", [leaf("a", null, leaf("b"))]],
    ["", []],
  ])("%j", (text, calls) => {
    expect(parseFunctionGraph(text)).toEqual(calls);
  });

  it.each([
    ["a();\nsome words", 'line 2 is no function call: "some words"'],
    ["a()", 'line 1 is no function call: "a()"'],
  ])("refuses %j", (text, message) => {
    expect(() => parseFunctionGraph(text)).toThrow(new RecordingError(message));
  });
});

describe("the recording of the question's connection", () => {
  it("holds eight packets through the gateway, each looked up once", () => {
    const packets = recordedPackets();
    expect(packets).toHaveLength(8);
    expect(packets.map((packet) => countCalls([packet], "__nf_conntrack_find_get"))).toEqual(Array(8).fill(1));
    expect(packets.map((packet) => countCalls([packet], "nf_nat_setup_info"))).toEqual([2, ...Array(7).fill(0)]);
  });

  it("leaves out what other hosts did inside of a reception", () => {
    const gateway = leaf("ip_rcv", null, leaf("nf_hook_slow", null, leaf("ipv4_conntrack_in", "nf_conntrack")));
    const inner = { ...gateway, children: [...gateway.children, leaf("ip_forward", null, leaf("ip_rcv"))] };
    expect(trackedReceptions([leaf("ip_output", null, leaf("ip_rcv"), inner)])).toEqual([
      { ...gateway, children: [...gateway.children, leaf("ip_forward")] },
    ]);
  });
});

describe("compareGraphs", () => {
  it("says that equal graphs are equal, whatever suffix the compiler gave", () => {
    const comparison = compareGraphs([leaf("a", "m", leaf("b.isra.0"))], [leaf("a", "m", leaf("b"))]);
    expect(comparison.equal).toBe(true);
    expect(comparison.text).toMatchInlineSnapshot(`
      "2 calls, all equal
      = both   - only the kernel   + only the engine

      = a [m]
      =   b.isra.0"
    `);
  });

  it("marks what only one side has, and keeps the rest in step", () => {
    const kernel = [leaf("a", null, leaf("x"), leaf("b"), leaf("c", null, leaf("d")))];
    const engine = [leaf("a", null, leaf("b"), leaf("y"), leaf("c"))];
    const comparison = compareGraphs(kernel, engine);
    expect(comparison.equal).toBe(false);
    expect(comparison.text).toMatchInlineSnapshot(`
      "3 calls equal, 2 only in the kernel, 1 only in the engine
      = both   - only the kernel   + only the engine

      = a
      -   x
      =   b
      +   y
      =   c
      -     d"
    `);
  });

  it("tells modules apart", () => {
    expect(compareGraphs([leaf("a", "m")], [leaf("a", "n")]).equal).toBe(false);
  });

  it("finds the answer's calls, but for the message of its event, in the recording", () => {
    const [first, answer] = recordedPackets();
    expect(compareGraphs([answer], callsOnly(synAckPassage().calls)).equal).toBe(true);
    const comparison = compareGraphs([first], callsOnly(synPassage().calls));
    expect(comparison.lines.filter(({ engine }) => engine === null).map(({ kernel }) => kernel)).toEqual([
      "nf_ct_l4proto_find [nf_conntrack]",
      "nf_ct_l4proto_find [nf_conntrack]",
      "nf_ct_port_tuple_to_nlattr [nf_conntrack]",
      "nf_ct_l4proto_find [nf_conntrack]",
      "nf_ct_port_tuple_to_nlattr [nf_conntrack]",
      "nf_ct_get_id [nf_conntrack]",
      "nf_ct_l4proto_find [nf_conntrack]",
    ]);
  });
});

describe("drawCallGraph", () => {
  it("is the tracer's text with what was learned beside the calls", () => {
    expect(drawCallGraph(synAckPassage()).text).toMatchInlineSnapshot(`
      "ip_rcv() {
        nf_hook_slow() {                                   /* PREROUTING */
          ipv4_conntrack_defrag [nf_defrag_ipv4]();        /* priority -400 */
          ipv4_conntrack_in [nf_conntrack]() {             /* priority -200 */
            nf_conntrack_in [nf_conntrack]() {             /* entry 1 attached, ESTABLISHED_REPLY */
              nf_ct_get_tuple [nf_conntrack]();
              hash_conntrack_raw [nf_conntrack]();
              __nf_conntrack_find_get [nf_conntrack]();
                /* lookup 217.254.1.76:443 → 193.157.56.3:50798: REPLY tuple of entry 1 */
              nf_conntrack_tcp_packet [nf_conntrack]() {   /* SYN_SENT → SYN_RECV */
                nf_ct_seq_offset [nf_conntrack]();
                __nf_ct_refresh_acct [nf_conntrack]() {
                  nf_ct_acct_add [nf_conntrack]();
                }
              }
            }
          }
          iptable_mangle_hook [iptable_mangle]() {         /* priority -150 */
            ipt_do_table [ip_tables]();                    /* mangle PREROUTING policy ACCEPT */
          }
          nf_nat_ipv4_pre_routing [nf_nat]() {             /* priority -100 */
            nf_nat_inet_fn [nf_nat]() {
              nf_nat_manip_pkt [nf_nat]() {
                nf_ct_invert_tuple [nf_conntrack]();
                nf_nat_ipv4_manip_pkt [nf_nat]();          /* packet dst 193.157.56.3 → 192.168.2.55 */
              }
            }
          }
        }
        ip_route_input_noref();                            /* forward via eth0 */
        ip_forward() {
          nf_hook_slow() {                                 /* FORWARD */
            iptable_mangle_hook [iptable_mangle]() {       /* priority -150 */
              ipt_do_table [ip_tables]();                  /* mangle FORWARD policy ACCEPT */
            }
            ipt_do_table [ip_tables]();                    /* priority 0; filter FORWARD policy ACCEPT */
          }
          ip_output() {                                    /* by eth0 */
            nf_hook_slow() {                               /* POSTROUTING */
              iptable_mangle_hook [iptable_mangle]() {     /* priority -150 */
                ipt_do_table [ip_tables]();                /* mangle POSTROUTING policy ACCEPT */
              }
              nf_nat_ipv4_out [nf_nat]() {                 /* priority 100 */
                nf_nat_inet_fn [nf_nat]();
              }
              nf_confirm [nf_conntrack]() {                /* priority INT_MAX */
                nf_ct_deliver_cached_events [nf_conntrack]() { /* event UPDATE */
                  __nf_conntrack_eventmask_report [nf_conntrack]() {
                    nf_ct_l4proto_find [nf_conntrack]();
                    nf_ct_l4proto_find [nf_conntrack]();
                    nf_ct_port_tuple_to_nlattr [nf_conntrack]();
                    nf_ct_l4proto_find [nf_conntrack]();
                    nf_ct_port_tuple_to_nlattr [nf_conntrack]();
                    nf_ct_get_id [nf_conntrack]();
                    nf_ct_l4proto_find [nf_conntrack]();
                  }
                }
              }
            }
          }
        }
      }"
    `);
  });

  it("puts notes that are too long on lines of their own", () => {
    const calls = [
      call("f", null, { kind: "invalid", reason: "a reason that goes on and on ".repeat(4).trim() }, call("g", "m")),
    ];
    expect(drawCallGraph({ ...synPassage(), calls }).text).toMatchInlineSnapshot(`
      "f() {
        /* INVALID: a reason that goes on and on a reason that goes on and on a reason that goes on and
           on a reason that goes on and on */
        g [m]();
      }"
    `);
  });
});
