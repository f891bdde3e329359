/** What a walk tells of packets, in the words a person reads. */
import { expect, test } from "vitest";
import { Lab } from "./lab.js";
import { theQuestion } from "./question.js";

test("a connection whose tuple is taken is dropped at its end, and is not called INVALID", async () => {
  const lab = await Lab.create(theQuestion);
  const { client, gateway, server } = lab.hosts;
  await gateway.sh`iptables -t nat -A POSTROUTING -o eth1 -p tcp -j SNAT --to-source 193.157.56.3:40000`;
  server.start`nc -l -k -p 443`;
  client.start`sleep 100 | nc -p 50001 217.254.1.76 443`;
  await lab.sleep("1s");
  const walk = await gateway.walk(() => client.sh`nc -z -w 1 -p 50002 217.254.1.76 443`);
  const [syn] = walk.packets;
  expect(syn.way).toBe("eth0 -> dropped");
  expect(syn.steps.filter((step) => /insert_failed|INVALID/.test(step.text)).map((step) => step.text)).toEqual([
    "insert_failed: a tuple belongs to another entry",
  ]);
  expect(syn.hookMap.text).toContain("• insert_failed: a tuple belongs to another entry");
  expect(syn.callTree.text).not.toContain("INVALID");
});
