/**
 * The hosts of the question this project answers: a client on a private network, a gateway, and a server that has no
 * route to private addresses. Only the topology: the SNAT rule is the lessons' to add.
 */
import type { LabConfig } from "./config.js";

/**
 * The three hosts of the question: client, gateway and server, with its addresses; no rule yet. Give it to
 * `Lab.create`.
 */
export const theQuestion: LabConfig<"client" | "gateway" | "server"> = {
  hosts: {
    client: { eth0: "192.168.2.55/24", routes: ["default via 192.168.2.1"] },
    gateway: {
      eth0: "192.168.2.1/24",
      eth1: "193.157.56.3/24",
      forwarding: true,
      routes: ["default via 193.157.56.1"],
    },
    server: { eth0: ["193.157.56.1/24", "217.254.1.76/32"] },
  },
  links: [
    ["client.eth0", "gateway.eth0"],
    ["gateway.eth1", "server.eth0"],
  ],
};
