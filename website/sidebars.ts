import type { SidebarsConfig } from "@docusaurus/plugin-content-docs";

const sidebars: SidebarsConfig = {
  reference: [
    "glossary",
    "extend",
    "about",
    "how-do-you-know",
    "call-graph",
    "known-differences",
    "extensions",
    "tracking",
    "scenario",
    "security",
  ],
};
export default sidebars;
