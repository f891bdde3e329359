import { describe, expect, it } from "vitest";
import { GATEWAY_HOOKS, synAckPassage, synPassage } from "../../../test/passages.js";
import { drawHookMap, HookRegistry } from "./hook-map.js";

describe("the registry of a host", () => {
  const registry = new HookRegistry("gateway", GATEWAY_HOOKS);

  it("is a list", () => {
    expect(registry.at("FORWARD").map(({ label }) => label)).toEqual(["mangle", "filter"]);
    expect(registry.at("FORWARD")[1]).toBe(GATEWAY_HOOKS[9]);
  });

  it("is text", () => {
    expect(registry.text).toMatchInlineSnapshot(`
      "Hooks of gateway

                            local process
                           ↑             ↓
                         INPUT         OUTPUT
                           ↑             ↓
        receive → PREROUTING → FORWARD → POSTROUTING → transmit

      hook         priority  who         function                 module
      ───────────  ────────  ──────────  ───────────────────────  ──────────────
      PREROUTING       -400  defrag      ipv4_conntrack_defrag    nf_defrag_ipv4
                       -200  conntrack   ipv4_conntrack_in        nf_conntrack
                       -150  mangle      iptable_mangle_hook      iptable_mangle
                       -100  nat (DNAT)  nf_nat_ipv4_pre_routing  nf_nat
      INPUT            -150  mangle      iptable_mangle_hook      iptable_mangle
                          0  filter      ipt_do_table             ip_tables
                        100  nat (SNAT)  nf_nat_ipv4_local_in     nf_nat
                    INT_MAX  confirm     nf_confirm               nf_conntrack
      FORWARD          -150  mangle      iptable_mangle_hook      iptable_mangle
                          0  filter      ipt_do_table             ip_tables
      OUTPUT           -400  defrag      ipv4_conntrack_defrag    nf_defrag_ipv4
                       -200  conntrack   ipv4_conntrack_local     nf_conntrack
                       -150  mangle      iptable_mangle_hook      iptable_mangle
                       -100  nat (DNAT)  nf_nat_ipv4_local_fn     nf_nat
                          0  filter      ipt_do_table             ip_tables
      POSTROUTING      -150  mangle      iptable_mangle_hook      iptable_mangle
                        100  nat (SNAT)  nf_nat_ipv4_out          nf_nat
                    INT_MAX  confirm     nf_confirm               nf_conntrack"
    `);
  });

  it("is Mermaid", () => {
    expect(registry.mermaid).toMatchInlineSnapshot(`
      "flowchart TB
        receive(["receive"])
        transmit(["transmit"])
        local(["local process"])
        routing{"routing"}
        PREROUTING["PREROUTING<br/>-400 defrag<br/>-200 conntrack<br/>-150 mangle<br/>-100 nat #40;DNAT#41;"]
        INPUT["INPUT<br/>-150 mangle<br/>0 filter<br/>100 nat #40;SNAT#41;<br/>INT_MAX confirm"]
        FORWARD["FORWARD<br/>-150 mangle<br/>0 filter"]
        OUTPUT["OUTPUT<br/>-400 defrag<br/>-200 conntrack<br/>-150 mangle<br/>-100 nat #40;DNAT#41;<br/>0 filter"]
        POSTROUTING["POSTROUTING<br/>-150 mangle<br/>100 nat #40;SNAT#41;<br/>INT_MAX confirm"]
        receive --> PREROUTING
        PREROUTING --> routing
        routing --> INPUT
        routing --> FORWARD
        INPUT --> local
        local --> OUTPUT
        FORWARD --> POSTROUTING
        OUTPUT --> POSTROUTING
        POSTROUTING --> transmit
      "
    `);
  });
});

describe("a packet's way", () => {
  it("of the first packet: found nowhere, altered and rewritten last, confirmed", () => {
    expect(drawHookMap(synPassage()).text).toMatchInlineSnapshot(`
      "Packet 1 through gateway: eth0 → eth1
      tcp 192.168.2.55:50798 → 217.254.1.76:443 [SYN] seq=1000 len=0

        received by eth0
            ↓
      ┌─ PREROUTING ────────────────────────────────────────────────┐
      │    -400  defrag               ipv4_conntrack_defrag         │
      │    -200  conntrack            ipv4_conntrack_in             │
      │          • lookup: no entry                                 │
      │          • new entry 1, unconfirmed                         │
      │          • entry 1 attached, NEW                            │
      │          • NONE → SYN_SENT                                  │
      │    -150  mangle               iptable_mangle_hook           │
      │          • policy ACCEPT                                    │
      │    -100  nat (DNAT)           nf_nat_ipv4_pre_routing       │
      │          • nat table: policy ACCEPT                         │
      └─────────────────────────────────────────────────────────────┘
            ↓
      ┌─ FORWARD ───────────────────────────────────────────────────┐
      │    -150  mangle               iptable_mangle_hook           │
      │          • policy ACCEPT                                    │
      │       0  filter               ipt_do_table                  │
      │          • policy ACCEPT                                    │
      └─────────────────────────────────────────────────────────────┘
            ↓
      ┌─ POSTROUTING ───────────────────────────────────────────────┐
      │    -150  mangle               iptable_mangle_hook           │
      │          • policy ACCEPT                                    │
      │     100  nat (SNAT)           nf_nat_ipv4_out               │
      │          • nat table: rule 1: SNAT --to-source 193.157.56.3 │
      │          • reply tuple dst 192.168.2.55 → 193.157.56.3      │
      │          • packet src 192.168.2.55 → 193.157.56.3           │
      │ INT_MAX  confirm              nf_confirm                    │
      │          • entry 1 confirmed: both tuples in the hash       │
      │          • event NEW                                        │
      └─────────────────────────────────────────────────────────────┘
            ↓
        sent by eth1: tcp 193.157.56.3:50798 → 217.254.1.76:443 [SYN] seq=1000 len=0

      Not on its way: INPUT, OUTPUT"
    `);
  });

  it("of the answer: found and rewritten in PREROUTING, nothing looked up after", () => {
    expect(drawHookMap(synAckPassage()).text).toMatchInlineSnapshot(`
      "Packet 2 through gateway: eth1 → eth0
      tcp 217.254.1.76:443 → 193.157.56.3:50798 [SYN, ACK] seq=5000 ack=1001 len=0

        received by eth1
            ↓
      ┌─ PREROUTING ──────────────────────────────────────────┐
      │    -400  defrag               ipv4_conntrack_defrag   │
      │    -200  conntrack            ipv4_conntrack_in       │
      │          • lookup: REPLY tuple of entry 1             │
      │          • entry 1 attached, ESTABLISHED_REPLY        │
      │          • SYN_SENT → SYN_RECV                        │
      │    -150  mangle               iptable_mangle_hook     │
      │          • policy ACCEPT                              │
      │    -100  nat (DNAT)           nf_nat_ipv4_pre_routing │
      │          • packet dst 193.157.56.3 → 192.168.2.55     │
      │          • nat table: not asked                       │
      └───────────────────────────────────────────────────────┘
            ↓
      ┌─ FORWARD ─────────────────────────────────────────────┐
      │    -150  mangle               iptable_mangle_hook     │
      │          • policy ACCEPT                              │
      │       0  filter               ipt_do_table            │
      │          • policy ACCEPT                              │
      └───────────────────────────────────────────────────────┘
            ↓
      ┌─ POSTROUTING ─────────────────────────────────────────┐
      │    -150  mangle               iptable_mangle_hook     │
      │          • policy ACCEPT                              │
      │     100  nat (SNAT)           nf_nat_ipv4_out         │
      │          • nat table: not asked                       │
      │ INT_MAX  confirm              nf_confirm              │
      │          • event UPDATE                               │
      └───────────────────────────────────────────────────────┘
            ↓
        sent by eth0: tcp 217.254.1.76:443 → 192.168.2.55:50798 [SYN, ACK] seq=5000 ack=1001 len=0

      Not on its way: INPUT, OUTPUT"
    `);
  });

  it("of a packet dropped in FORWARD: nobody after it", () => {
    expect(drawHookMap(synPassage(true)).text).toMatchInlineSnapshot(`
      "Packet 1 through gateway: eth0 → dropped
      tcp 192.168.2.55:50798 → 217.254.1.76:443 [SYN] seq=1000 len=0

        received by eth0
            ↓
      ┌─ PREROUTING ──────────────────────────────────────────┐
      │    -400  defrag               ipv4_conntrack_defrag   │
      │    -200  conntrack            ipv4_conntrack_in       │
      │          • lookup: no entry                           │
      │          • new entry 1, unconfirmed                   │
      │          • entry 1 attached, NEW                      │
      │          • NONE → SYN_SENT                            │
      │    -150  mangle               iptable_mangle_hook     │
      │          • policy ACCEPT                              │
      │    -100  nat (DNAT)           nf_nat_ipv4_pre_routing │
      │          • nat table: policy ACCEPT                   │
      └───────────────────────────────────────────────────────┘
            ↓
      ┌─ FORWARD ✗ DROP ──────────────────────────────────────┐
      │    -150  mangle               iptable_mangle_hook     │
      │          • policy ACCEPT                              │
      │       0  filter               ipt_do_table            │
      │          • rule 1: DROP                               │
      │          • DROP                                       │
      └───────────────────────────────────────────────────────┘
            ↓
        ✗ dropped in FORWARD

      Not on its way: INPUT, OUTPUT, POSTROUTING"
    `);
  });

  it("in Mermaid: thick arrows where it went", () => {
    expect(drawHookMap(synAckPassage()).mermaid).toMatchInlineSnapshot(`
      "flowchart TB
        receive(["receive eth1"])
        transmit(["transmit eth0"])
        local(["local process"])
        routing{"routing"}
        PREROUTING["PREROUTING<br/>-400 defrag<br/>-200 conntrack<br/>· lookup: REPLY tuple of entry 1<br/>· entry 1 attached, ESTABLISHED_REPLY<br/>· SYN_SENT → SYN_RECV<br/>-150 mangle<br/>· policy ACCEPT<br/>-100 nat #40;DNAT#41;<br/>· packet dst 193.157.56.3 → 192.168.2.55<br/>· nat table: not asked"]
        INPUT["INPUT<br/>-150 mangle<br/>0 filter<br/>100 nat #40;SNAT#41;<br/>INT_MAX confirm"]
        FORWARD["FORWARD<br/>-150 mangle<br/>· policy ACCEPT<br/>0 filter<br/>· policy ACCEPT"]
        OUTPUT["OUTPUT<br/>-400 defrag<br/>-200 conntrack<br/>-150 mangle<br/>-100 nat #40;DNAT#41;<br/>0 filter"]
        POSTROUTING["POSTROUTING<br/>-150 mangle<br/>· policy ACCEPT<br/>100 nat #40;SNAT#41;<br/>· nat table: not asked<br/>INT_MAX confirm<br/>· event UPDATE"]
        receive ==> PREROUTING
        PREROUTING ==> routing
        routing --> INPUT
        routing ==> FORWARD
        INPUT --> local
        local --> OUTPUT
        FORWARD ==> POSTROUTING
        OUTPUT --> POSTROUTING
        POSTROUTING ==> transmit
        classDef visited stroke-width:3px
        class PREROUTING,FORWARD,POSTROUTING visited
      "
    `);
  });
});
