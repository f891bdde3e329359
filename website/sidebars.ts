import type { SidebarsConfig } from "@docusaurus/plugin-content-docs";

const sidebars: SidebarsConfig = { reference: ["glossary", "extend", "about", "known-differences", "security"] };
export default sidebars;
