/**
 * The content security policy that every built page carries in its head: nothing from elsewhere, no script but the
 * site's own files and the few lines that Docusaurus writes into a page, each named by its hash, and no `eval`. Should
 * the sanitiser of outputs ever let something through, it could still run nothing. Pages without a server's headers
 * cannot forbid being framed (`frame-ancestors`); a host that can send headers should.
 */
import { createHash } from "node:crypto";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

/** The policy of a page with these inline scripts. */
export function pagePolicy(inlineScripts: readonly string[]): string {
  const scripts = [...new Set(inlineScripts.map((script) => `'${hashOf(script)}'`))];
  return [
    // What is fetched ahead (`rel=prefetch`) has no directive of its own and follows this one.
    "default-src 'self'",
    "object-src 'none'",
    "media-src 'none'",
    ["script-src 'self'", ...scripts].join(" "),
    // The browser's own way to draw outputs, diagrams and the editor is styles in elements.
    "style-src 'self' 'unsafe-inline'",
    "img-src 'self' data:",
    "font-src 'self'",
    "connect-src 'self'",
    "manifest-src 'self'",
    "worker-src 'self'",
    // The sandbox in which cells run.
    "frame-src 'self'",
    "base-uri 'none'",
    "form-action 'self'",
  ].join("; ");
}

/**
 * A page's HTML with its policy.
 *
 * @throws Error if the page has no head that is known, or already has a policy
 */
export function withPolicy(html: string): string {
  const scripts = [...html.matchAll(/<script(?![^>]*\ssrc=)[^>]*>([\s\S]*?)<\/script>/g)].map(([, script]) => script!);
  const [head] = /<head[^>]*>(\s*<meta charset="?[^>]*>)?/i.exec(html) ?? [];
  if (head === undefined) throw new Error("the page has no head");
  if (/<meta http-equiv="Content-Security-Policy"/i.test(html)) throw new Error("the page has a policy already");
  return html.replace(
    head,
    () => `${head}<meta http-equiv="Content-Security-Policy" content="${pagePolicy(scripts)}">`,
  );
}

/** Gives every page of a built site its policy. `except` names folders whose pages have their own. */
export async function writePolicies(folder: string, except: readonly string[]): Promise<void> {
  const entries = await readdir(folder, { withFileTypes: true });
  await Promise.all(
    entries.map(async (entry) => {
      const path = join(folder, entry.name);
      if (entry.isDirectory() && !except.includes(path)) return writePolicies(path, except);
      if (!entry.isFile() || !entry.name.endsWith(".html")) return undefined;
      return writeFile(path, withPolicy(await readFile(path, "utf8")));
    }),
  );
}

/** An inline script's hash, as a policy names it. */
export function hashOf(inlineScript: string): string {
  return `sha256-${createHash("sha256").update(inlineScript).digest("base64")}`;
}
