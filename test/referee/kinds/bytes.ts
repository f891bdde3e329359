/** Bytes changed at random in packets that were right, and bytes that never were packets. */
import { repairChecksums } from "../packets.js";
import { fromHex, type PacketStep } from "../scenario.js";
import { arrives, type Kind, ROUTE, routed, TOOLS, translation } from "./router.js";
import { anyPacket } from "./traffic.js";

/** SCTP, GRE and UDP-Lite: Linux has trackers of their own for them, the engine the generic one. */
const OTHER_TRACKERS = [47, 132, 136];

export const BYTES: Kind = {
  name: "bytes",
  about: "bytes changed at random, with checksums made right again or not",
  make(choice) {
    const tool = choice.pick(TOOLS);
    const steps: PacketStep[] = [];
    for (let left = choice.between(4, 400); left > 0; left--) {
      const step = anyPacket(choice, steps);
      const bytes = fromHex(step.hex);
      if (choice.oneIn(10)) steps.push(arrives(step.in, choice.bytes(choice.between(1, 80))));
      else {
        for (let changes = choice.below(4); changes > 0; changes--)
          bytes[choice.below(bytes.length)] = choice.oneIn(2) ? choice.below(256) : choice.pick([0, 1, 127, 128, 255]);
        if (OTHER_TRACKERS.includes(bytes[9])) bytes[9] = 17;
        if (!choice.oneIn(4)) repairChecksums(bytes);
        steps.push(arrives(step.in, bytes));
      }
    }
    return routed(tool, translation(choice, tool).setup, steps, { setup: [ROUTE] });
  },
};
