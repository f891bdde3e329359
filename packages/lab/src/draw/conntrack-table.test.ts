import { describe, expect, it } from "vitest";
import { snapshot } from "../../test/drawings.js";
import { ConntrackTable } from "./conntrack-table.js";

const table = new ConntrackTable("gateway", [
  snapshot(),
  snapshot({
    handle: 2,
    protonum: 1,
    status: 0x188,
    timeoutSeconds: 29,
    mark: 7,
    tcpState: null,
    tuple: [
      { src: "192.168.2.55", dst: "217.254.1.76", protocol: "icmp", type: 8, code: 0, id: 9 },
      { src: "217.254.1.76", dst: "192.168.2.55", protocol: "icmp", type: 0, code: 0, id: 9 },
    ],
  }),
]);

describe("the conntrack table", () => {
  it("is text", () => {
    expect(table.text).toMatchInlineSnapshot(`
      "Conntrack table of gateway: 2 entries

              state        timeout  tuple     source              destination
      ──────  ───────────  ───────  ────────  ──────────────────  ───────────────────
      tcp     ESTABLISHED  431999s  ORIGINAL  192.168.2.55:50798  217.254.1.76:443
              ASSURED               REPLY     217.254.1.76:443    193.157.56.3:50798*
      icmp                     29s  ORIGINAL  192.168.2.55        217.254.1.76 id 9
      mark=7  UNREPLIED             REPLY     217.254.1.76        192.168.2.55 id 9

      * altered by NAT"
    `);
  });

  it("marks in HTML what NAT altered, and nothing else", () => {
    const marked = [...(table.html ?? "").matchAll(/<span[^>]*>([^<]*)</g)].map(([, text]) => text);
    expect(marked).toEqual(["193.157.56.3:50798"]);
  });

  it("is Mermaid", () => {
    expect(table.mermaid).toMatchInlineSnapshot(`
      "flowchart LR
        table["Conntrack table of gateway: 2 entries"]
        e1["tcp ESTABLISHED ASSURED 431999 s<br/>ORIGINAL 192.168.2.55:50798 → 217.254.1.76:443<br/>REPLY 217.254.1.76:443 → 193.157.56.3:50798"]
        table --- e1
        e2["icmp UNREPLIED 29 s<br/>ORIGINAL 192.168.2.55 → 217.254.1.76 id 9<br/>REPLY 217.254.1.76 → 192.168.2.55 id 9"]
        table --- e2
      "
    `);
  });

  it("may be empty", () => {
    expect(new ConntrackTable("gateway", []).text).toBe("Conntrack table of gateway: no entry");
  });
});
