/** The API's side bar, as typedoc wrote it, its page ids made relative to the folder of the API's pages. */
import type { SidebarsConfig } from "@docusaurus/plugin-content-docs";

interface Item {
  readonly type: string;
  readonly id?: string;
  readonly link?: Item;
  readonly items?: readonly Item[];
}

// Written by typedoc before Docusaurus reads side bars.
const written = require("./api/typedoc-sidebar.cjs") as readonly Item[];

function relative(item: Item): Item {
  return {
    ...item,
    ...(item.id === undefined ? {} : { id: item.id.replace(/^(\.\.\/)?api\//, "") }),
    ...(item.link === undefined ? {} : { link: relative(item.link) }),
    ...(item.items === undefined ? {} : { items: item.items.map(relative) }),
  };
}

const sidebars = { api: ["index", ...written.map(relative)] } as SidebarsConfig;
export default sidebars;
