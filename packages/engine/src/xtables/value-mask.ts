/**
 * Numbers with a mask that may have names in a file of iproute2 (`rt_realms`, `group`). Models
 * xtables_parse_val_mask().
 */
import { ParameterProblem } from "./error.js";
import { type MarkMask, type OptionCall, uintPrefix } from "./options.js";

/** An option type: `value[/mask]` or one of the names. */
export function valueMaskOption(names: ReadonlyMap<string, number>): (text: string, call: OptionCall) => MarkMask {
  return (text, { extension, option }) => {
    const head = uintPrefix(text);
    if (head === undefined || head.value > 0xffffffff) {
      const named = names.get(text);
      if (named === undefined)
        throw new ParameterProblem(
          `${extension}: could not map name ${text} to an integer value for option "--${option}".\n`,
        );
      return { mark: named, mask: 0xffffffff };
    }
    if (head.rest === "") return { mark: head.value, mask: 0xffffffff };
    const tail = head.rest.startsWith("/") ? uintPrefix(head.rest.slice(1)) : undefined;
    if (tail === undefined || tail.rest !== "" || tail.value > 0xffffffff)
      throw new ParameterProblem(`${extension}: trailing garbage after value for option "--${option}".\n`);
    return { mark: head.value, mask: tail.value };
  };
}
