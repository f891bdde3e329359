/** The operations on marks that MARK and CONNMARK share: each comes to "clear the mask's bits, then XOR the mark". */
import type { MarkMask, OptionCall } from "../options.js";
import { uintOption } from "../options.js";

const uint32 = uintOption(0, 0xffffffff);

/** An option type: 32 bits, turned into mark and mask. */
export function markOption(make: (bits: number) => MarkMask): (text: string, call: OptionCall) => MarkMask {
  return (text, call) => make(uint32(text, call));
}
