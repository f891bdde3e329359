/**
 * A pattern of the shell, as fnmatch(3) reads it: what it fits. Its marks stand for nothing that is `between` the parts
 * of a name (FNM_PATHNAME). A bracket whose range runs backwards fits nothing.
 */
export function globbing(pattern: string, between = ""): (text: string) => boolean {
  const any = between === "" ? "[^]" : `[^${between}]`;
  const source = pattern.replace(/\[(!?)(\]?[^\]]*)\]|[^]/g, (mark: string, not?: string, set?: string) => {
    if (set) return `[${not === "" ? "" : "^"}${set.replace(/[\\\]]/g, "\\$&")}]`;
    if (mark === "*" || mark === "?") return mark === "?" ? any : `${any}*`;
    return mark.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&");
  });
  try {
    const expression = new RegExp(`^${source}$`);
    return (text) => expression.test(text);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return () => false;
  }
}
