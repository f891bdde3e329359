/**
 * Where a cell's text is changed. The editor and the types it shows are loaded with the first Edit; until the editor is
 * there, and where it cannot be loaded, a plain text area takes its place, so nobody waits to type.
 */
import { useColorMode, usePrismTheme } from "@docusaurus/theme-common";
import { usePluginData } from "@docusaurus/useGlobalData";
import { type ReactNode, useEffect, useRef, useState } from "react";
import { flushSync } from "react-dom";
import { savesData } from "../../connection.js";
import type { CellEditor } from "../../editor/index.js";
import type { LessonData } from "../../lessons.js";
import type { LiveNotebook } from "../../live/notebook.js";
import { type CellTypesClient, openCellTypes } from "../../types/client.js";
import PlainEditor from "./PlainEditor.js";

/** What the cell and its editor tell each other. */
export interface NotebookEditorProps {
  /** The text; changes from outside too, when the cell is reverted. */
  readonly value: string;
  readonly onChange: (value: string) => void;
  /** Runs the cell: and stays, goes on to the next one, or adds one below. */
  readonly onRun: (then: "stay" | "next" | "add") => void;
  /** Ends editing. */
  readonly onLeave: () => void;
  /** For screen readers. */
  readonly label: string;
  /** The highlighter's name of the language. */
  readonly language: string;
  readonly cellId: string;
  /** The page's cells, for an editor that knows what earlier ones declare. */
  readonly notebook: LiveNotebook;
}

export default function NotebookEditor(properties: NotebookEditorProps): ReactNode {
  const { value, onChange, label, cellId, notebook } = properties;
  const theme = usePrismTheme();
  const isDark = useColorMode().colorMode === "dark";
  const { live } = usePluginData("netfilter-lab-lessons") as LessonData;
  const host = useRef<HTMLDivElement>(null);
  const area = useRef<HTMLTextAreaElement>(null);
  const editor = useRef<CellEditor | undefined>(undefined);
  const [isOpen, setOpen] = useState(false);
  // The editor is opened once, and calls what is right at the time.
  const now = useRef({ ...properties, theme, isDark });
  now.current = { ...properties, theme, isDark };

  useEffect(() => {
    let isGone = false;
    const open = async (): Promise<void> => {
      const { openEditor } = await import("../../editor/index.js");
      const parent = host.current;
      if (isGone || parent === null) return;
      const plain = area.current;
      const selection =
        plain !== null && document.activeElement === plain
          ? ([plain.selectionStart, plain.selectionEnd] as const)
          : undefined;
      const client = typesOf(live.types);
      editor.current = openEditor({
        parent,
        cell: cellId,
        source: now.current.value,
        label,
        theme: now.current.theme,
        dark: now.current.isDark,
        ...(client === undefined ? {} : { types: { client, cells: () => notebook.state().document.cells } }),
        onChange: (source) => now.current.onChange(source),
        keys: {
          run: () => now.current.onRun("stay"),
          runAndNext: () => now.current.onRun("next"),
          runAndInsertBelow: () => now.current.onRun("add"),
          leave: () => now.current.onLeave(),
        },
      });
      // At once: who comes to the plain one from here on would lose the keyboard with it.
      flushSync(() => setOpen(true));
      if (selection !== undefined) editor.current.focus(...selection);
    };
    // Offline, the plain one stays.
    void open().catch(() => undefined);
    return () => {
      isGone = true;
      editor.current?.close();
      editor.current = undefined;
    };
  }, [cellId, label, live.types, notebook]);

  useEffect(() => {
    if (editor.current !== undefined && editor.current.source !== value) editor.current.setSource(value);
  }, [value]);
  useEffect(() => editor.current?.setTheme(theme, isDark), [theme, isDark]);
  useEffect(() => {
    const others = (): string =>
      JSON.stringify(notebook.state().document.cells.flatMap(({ id, source }) => (id === cellId ? [] : [id, source])));
    let seen = others();
    return notebook.subscribe(() => {
      const changed = others();
      if (changed !== seen) editor.current?.recheck();
      seen = changed;
    });
  }, [cellId, notebook]);

  return (
    <>
      <div ref={host} className="nb-code-editor" />
      {!isOpen && <PlainEditor value={value} onChange={onChange} label={label} area={area} />}
    </>
  );
}

let client: CellTypesClient | undefined;

/** The one worker of this visit; none where data is dear. */
function typesOf(address: string): CellTypesClient | undefined {
  if (savesData()) return undefined;
  client ??= openCellTypes(() => new Worker(address));
  return client;
}
