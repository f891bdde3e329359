/**
 * The tables about the call graph: which functions are compared with the kernel's tracer, in which cases and on which
 * kernels. All of it is read from what the tests compare by.
 */
import type { ReactNode } from "react";
import agreementJson from "../../../../test/callgraph/agreement.json";
import kernelsJson from "../../../../test/recordings/callgraph/kernels.json";
import Table from "../table";

type FunctionsByModule = Readonly<Record<string, readonly string[] | undefined>>;

interface Agreement {
  readonly scenarios: readonly { readonly name: string; readonly shows: string }[];
  readonly agreed: FunctionsByModule;
  readonly leftOut: readonly { readonly reason: string; readonly functions: FunctionsByModule }[];
  readonly differences: readonly {
    readonly kernels: readonly string[];
    readonly agreed: string | null;
    readonly within?: string;
    readonly recorded: string | null;
    readonly why: string;
  }[];
}

const agreement: Agreement = agreementJson;

function Names({ functions }: { readonly functions: readonly string[] }): ReactNode {
  return functions.map((name, at) => (
    <span key={name}>
      {at > 0 && ", "}
      <code>{name}</code>
    </span>
  ));
}

function all(functions: FunctionsByModule): string[] {
  return Object.values(functions).flatMap((list) => list ?? []);
}

/** One sentence: how much was compared. */
export function CallGraphSummary(): ReactNode {
  const packets = kernelsJson.reduce((sum, each) => sum + each.packets, 0);
  return (
    <p>
      <strong>{agreement.scenarios.length}</strong> cases on <strong>{kernelsJson.length}</strong> kernels,{" "}
      <strong>{packets}</strong> packets, <strong>{all(agreement.agreed).length}</strong> functions: for each packet the
      engine calls the same ones as the kernel, in the same order and nested in the same way.
    </p>
  );
}

/** The kernels that were recorded. */
export function CallGraphKernels(): ReactNode {
  return (
    <Table label="Kernels" columns={["Linux", "Debian’s build", "Cases", "Packets", "Calls recorded"]}>
      {kernelsJson.map(({ kernel, release, scenarios, packets, calls }) => (
        <tr key={kernel}>
          <td>{kernel}</td>
          <td>
            <code>{release}</code>
          </td>
          <td>{scenarios}</td>
          <td>{packets}</td>
          <td>{calls}</td>
        </tr>
      ))}
    </Table>
  );
}

/** The cases, and what each shows. */
export function CallGraphScenarios(): ReactNode {
  return (
    <Table label="Cases" columns={["Case", "What it shows"]}>
      {agreement.scenarios.map(({ name, shows }) => (
        <tr key={name}>
          <td>
            <code>{name}</code>
          </td>
          <td>{shows}</td>
        </tr>
      ))}
    </Table>
  );
}

/** The functions that are compared, module by module. */
export function CallGraphFunctions(): ReactNode {
  return (
    <Table label="Functions that are compared" columns={["Module", "Functions"]}>
      {Object.entries(agreement.agreed).map(([module, functions]) => (
        <tr key={module}>
          <td>
            <code>{module}</code>
          </td>
          <td>
            <Names functions={functions ?? []} />
          </td>
        </tr>
      ))}
    </Table>
  );
}

/** The functions that recordings show and the comparison passes over, with the reason. */
export function CallGraphLeftOut(): ReactNode {
  return (
    <Table label="Functions that are left out" columns={["Why", "Functions"]}>
      {agreement.leftOut.map(({ reason, functions }) => (
        <tr key={reason}>
          <td>{reason}</td>
          <td>
            <Names functions={all(functions)} />
          </td>
        </tr>
      ))}
    </Table>
  );
}

/** What certain kernels have otherwise than the reference. */
export function CallGraphDifferences(): ReactNode {
  return (
    <Table label="Differences between kernels" columns={["Linux", "Instead of", "stands", "Why"]}>
      {agreement.differences.map(({ kernels, agreed, within, recorded, why }) => (
        <tr key={`${kernels.join()} ${agreed} ${within} ${recorded}`}>
          <td>{kernels.join(", ")}</td>
          <td>
            {agreed === null ? "nothing" : <code>{agreed}</code>}
            {within !== undefined && (
              <>
                {" in "}
                <code>{within}</code>
              </>
            )}
          </td>
          <td>{recorded === null ? "nothing" : <code>{recorded}</code>}</td>
          <td>{why}</td>
        </tr>
      ))}
    </Table>
  );
}
