/**
 * The mark of an output that a running kernel gave, too. Unfolded it shows what Linux printed and how the two were
 * compared. The browser's own disclosure: it works without JavaScript.
 */
import NotebookOutput from "@theme/NotebookOutput";
import type { ReactNode } from "react";
import type { KernelMark } from "../../kernel-mark.js";

export default function NotebookKernelMark({ mark }: { readonly mark: string }): ReactNode {
  const { version, versions, rules, outputs } = JSON.parse(mark) as KernelMark;
  return (
    <details className="nb-kernel">
      <summary>Also from Linux {version}</summary>
      <div className="nb-kernel-how">
        <p>
          {rules.length === 0
            ? "This cell also ran on a real kernel, and what came out is the same to the last character:"
            : "This cell also ran on a real kernel. What came out, as it came:"}
        </p>
        {outputs.map((output, index) => (
          // Outputs are never reordered: their place is their identity.
          // oxlint-disable-next-line react/no-array-index-key
          <NotebookOutput key={index} output={{ kind: "stream", name: nameOf(output.kind), text: output.text }} />
        ))}
        {rules.length > 0 && (
          <>
            <p>Before the two were compared:</p>
            <ul>
              {rules.map((rule) => (
                <li key={rule}>{rule}</li>
              ))}
            </ul>
          </>
        )}
        <p className="nb-kernel-versions">{versions.join(" · ")}</p>
      </div>
    </details>
  );
}

function nameOf(kind: string): "stdout" | "stderr" {
  return kind === "stderr" || kind === "error" ? "stderr" : "stdout";
}
