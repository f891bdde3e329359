/** Parts of the program are loaded when they are asked for: a page's way; see `browser` in package.json. */
import { type ExtensionList, registerExtensions, registerTcpConnections } from "@netfilter-lab/engine";
import { drawingsPart, everydayPart, rarePart } from "./parts.js";

interface Extensions {
  readonly extensions: ExtensionList;
}

/** Says where the parts are. */
export function provideParts(): void {
  everydayPart.provide(() => import("./parts/everyday.js").then(withConnections));
  drawingsPart.provide(() => import("./parts/drawings.js"));
  rarePart.provide(() => import("./parts/rare.js").then(withExtensions));
}

function withConnections<
  Content extends { readonly TcpSock: Parameters<typeof registerTcpConnections>[0] } & Extensions,
>(content: Content): Content {
  registerTcpConnections(content.TcpSock);
  return withExtensions(content);
}

function withExtensions<Content extends Extensions>(content: Content): Content {
  registerExtensions(content.extensions);
  return content;
}
