/**
 * The site's page of matches and targets is made from the registry: `npx vitest run test/engine/extensions-page.test.ts
 * -u` writes it anew.
 */
import { matchExtensions, targetExtensions, type XtExtension } from "@netfilter-lab/engine";
import { expect, test } from "vitest";

/** What a simulation cannot do as Linux does it; every other extension is as Linux. */
const DIFFERENCES: Readonly<Record<string, string>> = {
  "-m ipvs": "there is no IPVS, as in the kernel compared with: rules are read and refused",
  "-j LED": "there are none, as in the kernel compared with: rules are read and refused",
  "-j CLUSTERIP": "gone from Linux: rules are read and refused",
  "-j ULOG": "gone from Linux: rules are read and refused",
  "-m cpu": "there is one processor, number 0",
  "-m policy": "no packet has an IPsec policy",
  "-m owner": "a socket has a user, whose group has the same number; no process",
  "-m cgroup": "every socket is of class 0, and no group has a path but the root",
  "-m bpf": "`--object-pinned` is not supported",
  "-m set": "elements are listed in the order in which they came",
  "-m time": "the clock is the virtual one, the kernel's time zone UTC",
  "-j AUDIT": "nobody listens",
  "-j CHECKSUM": "every packet's checksum is complete already",
  "-j CLASSIFY": "links have no queueing discipline that would look",
  "-j CONNSECMARK": "no packet has a security mark",
  "-j SECMARK": "there is no SELinux: every context is refused",
  "-j IDLETIMER": "nobody listens",
  "-j NFLOG": "nobody listens",
  "-j NFQUEUE": "nobody listens: the packet is dropped, or with `--queue-bypass` goes on",
  "-j QUEUE": "nobody listens: the packet is dropped",
  "-j SET": "a device has one queue: `--map-queue` changes nothing",
};

function row(kind: "-m" | "-j", { name, options, families, tables }: XtExtension): string {
  const places = tables === undefined ? "all" : tables.join(", ");
  const names = options.map((option) => `\`--${option.name}\``).join(" ");
  const difference = DIFFERENCES[`${kind} ${name}`];
  return `| \`${kind} ${name}\` | ${(families ?? ["ipv4", "ipv6"]).join(", ")} | ${places} | ${names} | ${difference === undefined ? "as Linux" : `differs: ${difference}`} |\n`;
}

test("the page of matches and targets is what the registry has", async () => {
  const head = "| | Families | Tables | Options | |\n| --- | --- | --- | --- | --- |\n";
  const page = `---
title: Matches and targets
slug: /extensions/
description: Every match, target and option of iptables that the engine has, made from its registry.
---

# Matches and targets

Made from the code's registry by \`test/engine/extensions-page.test.ts\`. Texts and refusals of all of them are those of
Debian 12's iptables 1.8.9 in both flavours, compared command by command; what they do to packets is what Linux 6.18 does
where the referee's kinds *extensions* and *extensions6* ask.

## Matches

${head}${matchExtensions()
  .map((each) => row("-m", each))
  .join("")}
## Targets

${head}${targetExtensions()
  .map((each) => row("-j", each))
  .join("")}`;
  const known = [
    ...matchExtensions().map(({ name }) => `-m ${name}`),
    ...targetExtensions().map(({ name }) => `-j ${name}`),
  ];
  expect(known).toEqual(expect.arrayContaining(Object.keys(DIFFERENCES)));
  await expect(page).toMatchFileSnapshot("../../website/docs/extensions.md");
});
