/**
 * The theme's search field. Its index comes with the first focus, and when it has come the theme focuses the field,
 * even that of a reader who has tabbed on meanwhile. Here a field that was left stays left.
 */
import SearchBar from "@theme-original/SearchBar";
import { type ReactNode, useEffect, useRef } from "react";

export default function SearchBarThatLetsGo(properties: object): ReactNode {
  const around = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const field = around.current?.querySelector("input");
    if (field === null || field === undefined) return;
    let wasLeft = false;
    const onBlur = (): void => {
      wasLeft = true;
    };
    const onFocus = (): void => {
      wasLeft = false;
    };
    field.addEventListener("blur", onBlur);
    field.addEventListener("focus", onFocus);
    field.focus = (options) => {
      // What the reader asks for by a key or the pointer happens within that event; the index comes by a message.
      if (wasLeft && !(globalThis.event instanceof UIEvent)) return;
      HTMLElement.prototype.focus.call(field, options);
    };
    return () => {
      field.removeEventListener("blur", onBlur);
      field.removeEventListener("focus", onFocus);
      Reflect.deleteProperty(field, "focus");
    };
  }, []);
  return (
    <div ref={around} style={{ display: "contents" }}>
      <SearchBar {...properties} />
    </div>
  );
}
