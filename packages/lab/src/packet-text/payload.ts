/**
 * What tcpdump tells of text protocols: the name, and the first line of what looks like a request or an answer; with
 * `-v` all lines. Lines that are not printable ASCII end it.
 */

export interface TextProtocol {
  readonly name: string;
  /** First words of requests, besides which only answers (`HTTP/1.1 200`) are shown; null: any line is. */
  readonly requests: ReadonlySet<string> | null;
}

const words = (text: string): ReadonlySet<string> => new Set(text.split(" "));

const HTTP: TextProtocol = {
  name: "HTTP",
  requests: words(
    "GET PUT COPY HEAD LOCK MOVE POLL POST BCOPY BMOVE MKCOL TRACE LABEL MERGE DELETE SEARCH UNLOCK REPORT UPDATE " +
      "NOTIFY BDELETE CONNECT OPTIONS CHECKIN PROPFIND CHECKOUT CCM_POST SUBSCRIBE PROPPATCH BPROPFIND BPROPPATCH " +
      "UNCHECKOUT MKACTIVITY MKWORKSPACE UNSUBSCRIBE RPC_CONNECT VERSION-CONTROL BASELINE-CONTROL",
  ),
};

const FTP: TextProtocol = { name: "FTP", requests: null };
const SMTP: TextProtocol = { name: "SMTP", requests: null };
/** Only the line by which a connection begins. */
const SSH: TextProtocol = { name: "SSH", requests: null };

/** By TCP port. */
export const TEXT_PROTOCOLS: ReadonlyMap<number, TextProtocol> = new Map([
  [21, FTP],
  [22, SSH],
  [25, SMTP],
  [80, HTTP],
  [587, SMTP],
  [3128, HTTP],
  [8080, HTTP],
]);

/** The line of text that begins at `at`, and where the next one begins; null when it is no text. */
function textLine(data: Uint8Array, at: number): { readonly text: string; readonly next: number | null } | null {
  let text = "";
  for (let i = at; i < data.length; i++) {
    const byte = data[i];
    if (byte === 10) return { text, next: i + 1 };
    if (byte === 13) return data[i + 1] === 10 ? { text, next: i + 2 } : null;
    if (byte !== 9 && (byte < 32 || byte > 126)) return null;
    text += String.fromCharCode(byte);
  }
  return { text, next: null };
}

function isMessage({ requests }: TextProtocol, data: Uint8Array): boolean {
  if (requests === null) return true;
  const start = [...data.subarray(0, 64)].map((byte) => String.fromCharCode(byte)).join("");
  const [first = "", second = ""] = start.split(/[ \t\r\n]+/);
  return requests.has(first.toUpperCase()) || /^\d{3}$/.test(second);
}

/** What stands behind the length: `: HTTP: GET / HTTP/1.0`. `length` is that of the payload before it was cut. */
export function textPayload(protocol: TextProtocol, data: Uint8Array, length: number, verbose: boolean): string {
  const { name } = protocol;
  if (protocol === SSH) {
    const line = textLine(data, 0);
    return line?.text.startsWith("SSH-") === true ? `: ${name}: ${line.text}` : "";
  }
  let text = `: ${name}`;
  if (!isMessage(protocol, data)) return text;
  if (verbose) text += `, length: ${length}`;
  for (let at: number | null = 0; at !== null && at < data.length; ) {
    const line = textLine(data, at);
    if (line === null) break;
    // A line that does not end was cut.
    text += `${verbose ? "\n\t" : ": "}${line.text}${line.next === null ? ` [|${name.toLowerCase()}]` : ""}`;
    if (!verbose) break;
    at = line.next;
  }
  return text;
}
