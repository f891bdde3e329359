/** Words of the tools, right and wrong: both backends answer alike. Needs root. */
import { ADDRESS_WORDS } from "./address-words.js";
import { EMPTY_ADDRESS_WORDS } from "./empty-address-words.js";
import { IPSET_ELEMENT_WORDS } from "./ipset-element-words.js";
import { IPSET_WORDS } from "./ipset-words.js";
import { normaliseDate, normaliseSets } from "./iptables-harness.js";
import { NAT_PORT_WORDS } from "./nat-port-words.js";
import { OPTION_WORDS } from "./option-words.js";
import { COSMOS_WORDS } from "./realm-words.js";
import { RESTORE_WORDS } from "./restore-words.js";
import { METRIC_WORDS } from "./route-metric-words.js";
import { RULE_WORDS } from "./rule-words.js";
import { testWords } from "./words-alike.js";
import { XML_WORDS } from "./xml-words.js";

/** How a machine queues packets, which it may be told, is none of the commands'. */
const normalise = (text: string): string => normaliseSets(normaliseDate(text)).replace(/ qdisc \w+/g, " qdisc QUEUE");

testWords(
  [
    ["addresses", ADDRESS_WORDS],
    ["addresses that are none", EMPTY_ADDRESS_WORDS],
    ["cosmos", COSMOS_WORDS],
    ["ipset", IPSET_WORDS],
    ...IPSET_ELEMENT_WORDS.map(([name, commands]) => [`ipset: ${name}`, commands] as const),
    ["metrics of routes", METRIC_WORDS],
    ["options", OPTION_WORDS],
    ["restored", RESTORE_WORDS],
    ["rules", RULE_WORDS],
    ["iptables-xml", XML_WORDS],
    ["ports of NAT", NAT_PORT_WORDS],
  ],
  {},
  normalise,
);
