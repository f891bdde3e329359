/** `ip address flush`: deletes what a listing would show, and with `-s` tells of it. Models `ipaddr_flush()`. */
import type { LabContext } from "../../environment.js";
import { addressesToFlush, deviceAddressText, lifetimesText } from "./address.js";
import type { IpOptions } from "./options.js";
import { IpError, type Words } from "./words.js";

export function flushAddresses(context: LabContext, options: IpOptions, words: Words): number {
  if (words.done) throw new IpError("Flush requires arguments.", 1);
  if (options.family === 0) throw new IpError("Cannot flush link addresses.", 1);
  const { stdout } = context;
  const { ip, ip6 } = context.net;
  const { once, list } = addressesToFlush(context, options, words);
  const say = (text: string): void => {
    if (options.statistics > 0) stdout.write(text);
  };
  for (let round = 0; ; round++) {
    const found = list();
    if (found.length === 0 || (once && round > 0)) {
      const rounds = `${round} round${round === 1 ? "" : "s"}`;
      say(round === 0 ? "Nothing to flush.\n" : `*** Flush is complete after ${rounds} ***\n`);
      return 0;
    }
    if (options.statistics > 1)
      for (const address of found) stdout.write(`${deviceAddressText(address)}\n${lifetimesText(address)}\n`);
    say(`\n*** Round ${round + 1}, deleting ${found.length} addresses ***\n`);
    for (const address of found) {
      if (!("label" in address)) ip6.deleteAddress(address.dev, address.local, address.prefixLength);
      // With a first address of a network its others go.
      else if (ip.addresses(address.dev).includes(address)) ip.deleteAddress(address.dev, address);
    }
  }
}
