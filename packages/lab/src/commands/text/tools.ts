/**
 * The text tools that lessons pipe into, and those that make text. GNU's behaviour for the options that are there; an
 * option that is not says so by name.
 */
import type { LabCommand } from "../../environment.js";
import { cat } from "./cat.js";
import { cut } from "./cut.js";
import { echo } from "./echo.js";
import { grep } from "./grep.js";
import { head, tail } from "./head-tail.js";
import { printf } from "./printf.js";
import { rm } from "./rm.js";
import { sed } from "./sed.js";
import { seq } from "./seq.js";
import { sort } from "./sort.js";
import { tee } from "./tee.js";
import { tr } from "./tr.js";
import { uniq } from "./uniq.js";
import { wc } from "./wc.js";
import { yes } from "./yes.js";

export const textTools: Readonly<Record<string, LabCommand>> = {
  cat,
  cut,
  echo,
  egrep: grep,
  fgrep: grep,
  grep,
  head,
  printf,
  rm,
  sed,
  seq,
  sort,
  tail,
  tee,
  tr,
  uniq,
  wc,
  yes,
};
