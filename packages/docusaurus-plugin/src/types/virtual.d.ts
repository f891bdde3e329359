/** What `live-workers.ts` puts into the language-service worker's bundle. */
declare module "virtual:cell-library" {
  const library: Readonly<Record<string, string>>;
  export default library;
}
