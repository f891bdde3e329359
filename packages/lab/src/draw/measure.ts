/**
 * How wide a text is, without a browser. The reader's font is unknown, so the table holds the widest of the common
 * system fonts (DejaVu Sans, Noto Sans, Arial metrics) for each character: a layout that fits by it fits everywhere.
 */

export type Family = "sans" | "mono";

/** Advance widths of U+0020 to U+007E in thousandths of the font size. */
const REGULAR: readonly number[] = [
  318, 401, 460, 838, 636, 950, 780, 275, 390, 390, 551, 838, 318, 361, 318, 372, 636, 636, 636, 636, 636, 636, 636,
  636, 636, 636, 337, 337, 838, 838, 838, 531, 1000, 684, 686, 698, 770, 632, 575, 775, 752, 339, 295, 656, 557, 907,
  760, 787, 605, 787, 695, 635, 611, 732, 684, 989, 685, 611, 685, 390, 372, 390, 838, 500, 500, 613, 635, 550, 635,
  615, 352, 635, 634, 278, 278, 579, 278, 974, 634, 612, 635, 635, 413, 521, 392, 634, 592, 818, 592, 592, 525, 636,
  551, 636, 838,
];
const BOLD: readonly number[] = [
  348, 456, 521, 838, 696, 1002, 872, 306, 457, 457, 545, 838, 380, 415, 380, 413, 696, 696, 696, 696, 696, 696, 696,
  696, 696, 696, 400, 400, 838, 838, 838, 580, 1000, 774, 762, 734, 830, 683, 683, 821, 837, 389, 372, 775, 637, 995,
  837, 850, 733, 850, 770, 720, 682, 812, 774, 1103, 771, 724, 725, 457, 413, 457, 838, 500, 500, 675, 716, 593, 716,
  678, 435, 716, 712, 343, 343, 665, 343, 1042, 712, 687, 716, 716, 493, 595, 478, 712, 652, 924, 645, 652, 582, 712,
  551, 712, 838,
];
/** Every other character the drawings use (arrows, dots, marks) is at most this wide. */
const OTHER = 1000;
/** Menlo, DejaVu Sans Mono and Liberation Mono are 0.602 em wide, Consolas less. */
const MONO = 602;

/** The width of one line of text in pixels, an upper bound. */
export function textWidth(text: string, size: number, family: Family = "sans", bold = false): number {
  let sum = 0;
  const table = bold ? BOLD : REGULAR;
  for (const character of text) {
    if (family === "mono") sum += MONO;
    else sum += table[(character.codePointAt(0) as number) - 0x20] ?? OTHER;
  }
  return (sum * size) / 1000;
}

/** Breaks a text at spaces into lines of at most `width` pixels; a word wider than that is broken inside. */
export function wrap(text: string, width: number, size: number, family: Family = "sans", bold = false): string[] {
  const fits = (line: string): boolean => textWidth(line, size, family, bold) <= width;
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    const longer = line === "" ? word : `${line} ${word}`;
    if (fits(longer)) {
      line = longer;
      continue;
    }
    if (line !== "") lines.push(line);
    line = word;
    while (!fits(line) && line.length > 1) {
      let length = line.length - 1;
      while (length > 1 && !fits(line.slice(0, length))) length--;
      lines.push(line.slice(0, length));
      line = line.slice(length);
    }
  }
  lines.push(line);
  return lines;
}

/** Cuts a text to `width` pixels, with an ellipsis where something is missing. */
export function ellipsis(text: string, width: number, size: number, family: Family = "sans", bold = false): string {
  if (textWidth(text, size, family, bold) <= width) return text;
  let length = text.length;
  while (length > 0 && textWidth(`${text.slice(0, length)}…`, size, family, bold) > width) length--;
  return `${text.slice(0, length)}…`;
}
