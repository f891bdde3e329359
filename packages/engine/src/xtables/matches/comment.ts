/** `-m comment`: words for people; every packet matches. Models net/netfilter/xt_comment.c. */
import type { Match, MatchExtension } from "../extension.js";
import { saveString, stringOption } from "../options.js";

class CommentMatch implements Match {
  readonly name: string = "comment";
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  match(): boolean {
    return true;
  }

  save(): string {
    return ` --comment${saveString(this.#text)}`;
  }

  print(): string {
    return ` /* ${this.#text} */`;
  }
}

export const commentMatch: MatchExtension = {
  kind: "match",
  name: "comment",
  help: "\ncomment match options:\n--comment COMMENT             Attach a comment to a rule\n",
  options: [{ name: "comment", mandatory: true, parse: stringOption(0, 255) }],
  build: (values) => new CommentMatch(values.get<string>("comment") ?? ""),
};
