/**
 * What the browser tells of the reader's connection (Network Information API); one that tells nothing has a good one.
 */
interface NetworkInformation {
  readonly saveData?: boolean;
  readonly effectiveType?: string;
}

function connection(): NetworkInformation | undefined {
  return (navigator as { readonly connection?: NetworkInformation }).connection;
}

/** Whether the reader asked for less data: nothing is fetched then that was not asked for. */
export function savesData(): boolean {
  return connection()?.saveData === true;
}

/** Whether the network is slow: 2G or worse. */
export function isSlow(): boolean {
  return connection()?.effectiveType?.includes("2g") === true;
}
