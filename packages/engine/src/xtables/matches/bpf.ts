/**
 * `-m bpf`: a program of the classic BPF machine, as tcpdump -ddd or nfbpf_compile write it. `--object-pinned` asks for
 * a file system that is not there. Models bpf_mt(), net/netfilter/xt_bpf.c, with the checks of bpf_check_classic().
 */
import { get16, get32 } from "../../wire/bytes.js";
import { ParameterProblem, RulesetError } from "../error.js";
import type { MatchExtension } from "../extension.js";
import { stringOption } from "../options.js";

interface Instruction {
  readonly code: number;
  readonly jt: number;
  readonly jf: number;
  readonly k: number;
}

const MAX_INSTRUCTIONS = 64;
const MEMORY_WORDS = 16;

function parseProgram(text: string): Instruction[] {
  const [head, ...rest] = text.split(",");
  const length = /^\d+$/.test(head) ? Number(head) : 0;
  if (!/^\d/.test(head) || rest.length === 0) throw new ParameterProblem("bpf: error parsing program length");
  if (length > MAX_INSTRUCTIONS)
    throw new ParameterProblem(`bpf: number of instructions exceeds maximum of ${MAX_INSTRUCTIONS}`);
  const lines = rest.at(-1) === "" ? rest.slice(0, -1) : rest;
  const program = lines.map((line, i): Instruction => {
    const numbers = line.trim().split(/\s+/);
    if (numbers.length !== 4 || !numbers.every((word) => /^\d+$/.test(word)))
      throw new ParameterProblem(`bpf: error at instr ${i}`);
    const [code, jt, jf, k] = numbers.map(Number);
    return { code, jt, jf, k };
  });
  if (program.length !== length)
    throw new ParameterProblem("bpf: parsed program length and entered length do not match");
  return program;
}

/** Whether the machine takes a program: known instructions, jumps forward and inside, a return at the end. */
function valid(program: readonly Instruction[]): boolean {
  const last = program.at(-1);
  if (last === undefined || (last.code !== 6 && last.code !== 0x16)) return false;
  return program.every(({ code, jt, jf, k }, i) => {
    const left = program.length - i - 1;
    switch (code & 7) {
      case 0:
        return [0x00, 0x20, 0x28, 0x30, 0x40, 0x48, 0x50, 0x80].includes(code) || (code === 0x60 && k < MEMORY_WORDS);
      case 1:
        return [0x01, 0x81, 0xb1].includes(code) || (code === 0x61 && k < MEMORY_WORDS);
      case 2:
      case 3:
        return (code === 2 || code === 3) && k < MEMORY_WORDS;
      case 4:
        return (
          (code >> 4 <= 10 &&
            (code & 0xf) !== 0 &&
            !((code === 0x34 || code === 0x94) && k === 0) &&
            !((code === 0x64 || code === 0x74) && k >= 32)) ||
          code === 0x84
        );
      case 5:
        return code === 5
          ? k < left
          : [0x15, 0x1d, 0x25, 0x2d, 0x35, 0x3d, 0x45, 0x4d].includes(code) && jt < left && jf < left;
      case 6:
        return code === 6 || code === 0x16;
      default:
        return code === 7 || code === 0x87;
    }
  });
}

const memory = new Uint32Array(MEMORY_WORDS);

/** Runs a valid program; a read beyond the packet's end returns 0. Models bpf_prog_run(). */
function run(program: readonly Instruction[], data: Uint8Array, len: number): number {
  let a = 0;
  let x = 0;
  memory.fill(0);
  for (let pc = 0; pc < program.length; pc++) {
    const { code, jt, jf, k } = program[pc];
    const source = code & 8 ? x : k;
    switch (code & 7) {
      case 0:
      case 1: {
        const mode = code & 0xe0;
        const width = code & 0x18;
        let value = 0;
        if (mode === 0) value = k;
        else if (mode === 0x60) value = memory[k];
        else if (mode === 0x80) value = len;
        else {
          const at = mode === 0x40 ? x + k : k;
          const bytes = width === 0 ? 4 : width === 8 ? 2 : 1;
          if (at + bytes > len) return 0;
          value = bytes === 4 ? get32(data, at) : bytes === 2 ? get16(data, at) : data[at];
        }
        if (code === 0xb1) x = (data[k] & 0xf) * 4;
        else if (code & 1) x = value;
        else a = value;
        break;
      }
      case 2:
        memory[k] = a;
        break;
      case 3:
        memory[k] = x;
        break;
      case 4:
        switch (code & 0xf0) {
          case 0x00:
            a = (a + source) >>> 0;
            break;
          case 0x10:
            a = (a - source) >>> 0;
            break;
          case 0x20:
            a = Math.imul(a, source) >>> 0;
            break;
          case 0x30:
            if (source === 0) return 0;
            a = Math.floor(a / source);
            break;
          case 0x40:
            a = (a | source) >>> 0;
            break;
          case 0x50:
            a = (a & source) >>> 0;
            break;
          case 0x60:
            a = (a << source) >>> 0;
            break;
          case 0x70:
            a >>>= source;
            break;
          case 0x80:
            a = -a >>> 0;
            break;
          case 0x90:
            if (source === 0) return 0;
            a %= source;
            break;
          default:
            a = (a ^ source) >>> 0;
        }
        break;
      case 5: {
        const test = code & 0xf0;
        if (test === 0) pc += k;
        else {
          const met =
            test === 0x10
              ? a === source
              : test === 0x20
                ? a > source
                : test === 0x30
                  ? a >= source
                  : (a & source) !== 0;
          pc += met ? jt : jf;
        }
        break;
      }
      case 6:
        return code & 0x10 ? a : k;
      default:
        if (code & 0x80) a = x;
        else x = a;
    }
  }
  return 0;
}

export const bpfMatch: MatchExtension = {
  kind: "match",
  name: "bpf",
  help: `
bpf match options:
--bytecode <program>	        : a bpf program as generated by
                                 $(nfbpf_compile RAW '<filter>')
--object-pinned <bpf object>	: a path to a pinned BPF object in bpf fs
`,
  options: [
    { name: "bytecode", excludes: ["object-pinned"], parse: parseProgram },
    { name: "object-pinned", excludes: ["bytecode"], parse: stringOption(1, 511) },
  ],
  finalCheck(values) {
    if (values.has("object-pinned"))
      throw new ParameterProblem("netfilter-lab does not support bpf's `--object-pinned'\n");
    if (!values.has("bytecode")) throw new ParameterProblem("bpf: one of --bytecode or --pinned is required");
  },
  build(values) {
    const program = values.get<Instruction[]>("bytecode") as Instruction[];
    const lines = program.map(({ code, jt, jf, k }) => `${code} ${jt} ${jf} ${k}`).join(",");
    return {
      name: "bpf",
      check() {
        if (!valid(program)) throw new RulesetError("EINVAL", "", "the program is not valid");
      },
      match: ({ skb: { data, len } }) => run(program, data, len) !== 0,
      save: () => ` --bytecode "${program.length},${lines}"`,
      // The tool prints the byte that ends its text, too.
      print: () => `match bpf ${lines}\u0000`,
    };
  },
};
