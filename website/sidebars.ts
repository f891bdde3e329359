import type { SidebarsConfig } from "@docusaurus/plugin-content-docs";

const sidebars: SidebarsConfig = {
  reference: ["glossary", "extend", "about", "how-do-you-know", "known-differences", "extensions", "security"],
};
export default sidebars;
