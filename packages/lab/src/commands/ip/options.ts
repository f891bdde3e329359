/** Options of `ip`. */

/** Options before the object: `ip -4 -br addr`. */
export interface IpOptions {
  /** Null where none was said, which means both; 0 for the link layer's addresses. */
  readonly family: 0 | 4 | 6 | null;
  readonly brief: boolean;
  readonly oneLine: boolean;
  readonly statistics: number;
  readonly details: boolean;
}
