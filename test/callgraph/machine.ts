/**
 * An emulated machine that boots a kernel of a Debian package and runs guest.ts on it: what the guest needs is packed
 * into an initial ramdisk, taken from this machine (Debian 12: programs with their libraries, Node, koffi) and from the
 * package (modules). Nothing is written outside of the given folder.
 */
import { type SpawnSyncReturns, spawn, spawnSync } from "node:child_process";
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import process from "node:process";
import { NETFILTER_MODULES } from "./modules.js";

/** What recording needs of this machine, and the Debian packages that have it. */
const PROGRAMS: Readonly<Record<string, string>> = {
  "qemu-system-x86_64": "qemu-system-x86",
  busybox: "busybox-static",
  cpio: "cpio",
  depmod: "kmod",
  xz: "xz-utils",
  "dpkg-deb": "dpkg",
  bash: "bash",
  ip: "iproute2",
  "iptables-nft": "iptables",
  conntrack: "conntrack",
  sysctl: "procps",
  "nc.openbsd": "netcat-openbsd",
  ping: "iputils-ping",
};

/** Programs put into the guest beside busybox's, and the names they go by there. */
const GUEST_PROGRAMS: Readonly<Record<string, readonly string[]>> = {
  bash: [],
  ip: [],
  "iptables-nft": ["iptables"],
  "iptables-legacy": [],
  conntrack: [],
  sysctl: [],
  "nc.openbsd": ["nc"],
  ping: [],
};

/** Modules loaded before the first scenario. */
const MODULES: readonly string[] = ["tun", ...NETFILTER_MODULES];

/** Folders and files of modules that the guest may need, below the kernel's. */
const MODULE_PATHS: readonly string[] = [
  "kernel/net/netfilter",
  "kernel/net/ipv4",
  "kernel/net/ipv6",
  "kernel/drivers/net/tun.ko",
  "kernel/lib",
  "kernel/crypto",
  "kernel/arch/x86/crypto",
];

const ANSWERS = "/dev/ttyS1";

const INIT = `#!/bin/busybox sh
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
/bin/busybox --install -s /bin
mount -t proc proc /proc; mount -t sysfs sysfs /sys; mount -t devtmpfs dev /dev; mount -t tmpfs tmp /tmp
mount -t tracefs tracing /sys/kernel/tracing
for module in ${MODULES.join(" ")}; do modprobe $module || echo "no module $module"; done
stty -F ${ANSWERS} raw -echo
/usr/bin/node /guest/guest.mjs /guest/scenarios.json ${ANSWERS} || echo '{"failed":true}' > ${ANSWERS}
sleep 1
poweroff -f
`;

/** Something that recording needs is missing, or did not work. */
export class MachineError extends Error {
  override readonly name = "MachineError";
}

function run(program: string, args: readonly string[], cwd = "/"): string {
  const done: SpawnSyncReturns<string> = spawnSync(program, args, { cwd, encoding: "utf8", maxBuffer: 1 << 28 });
  if (done.error !== undefined) throw new MachineError(`${program}: ${done.error.message}`);
  if (done.status !== 0) throw new MachineError(`${program} ${args.join(" ")}: ${done.stderr}`);
  return done.stdout;
}

function programPath(name: string): string | null {
  for (const folder of [...(process.env.PATH ?? "").split(":"), "/usr/sbin", "/sbin"]) {
    const file = path.join(folder, name);
    if (existsSync(file)) return file;
  }
  return null;
}

/** Throws {@link MachineError} with the packages to install when something is missing. */
export function requirePrograms(): void {
  const missing = Object.keys(PROGRAMS).filter((name) => programPath(name) === null);
  if (missing.length === 0) return;
  const packages = [...new Set(missing.map((name) => PROGRAMS[name]))].join(" ");
  throw new MachineError(`there is no ${missing.join(", ")}: apt-get install ${packages}`);
}

/** Copies a program and the libraries it is linked with to the same places below `root`. */
function copyProgram(root: string, file: string): void {
  const libraries = spawnSync("ldd", [file], { encoding: "utf8" }).stdout.match(/\/[^ )]+/g) ?? [];
  for (const each of [realpathSync(file), ...libraries]) copyFile(root, each);
}

function copyFile(root: string, file: string): void {
  const target = path.join(root, file);
  mkdirSync(path.dirname(target), { recursive: true });
  cpSync(file, target, { recursive: true, dereference: true });
}

/** The kernel and its modules out of a Debian package, unpacked in `folder`. */
interface Kernel {
  readonly image: string;
  readonly release: string;
  /** The folder of its modules. */
  readonly modules: string;
}

function unpackKernel(debianPackage: string, folder: string): Kernel {
  run("dpkg-deb", ["-x", path.resolve(debianPackage), folder]);
  const image = readdirSync(path.join(folder, "boot")).find((file) => file.startsWith("vmlinuz-"));
  if (image === undefined) throw new MachineError(`${debianPackage} has no kernel image`);
  const release = image.slice("vmlinuz-".length);
  const modules = ["lib/modules", "usr/lib/modules"]
    .map((place) => path.join(folder, place, release))
    .find((place) => existsSync(place));
  if (modules === undefined) throw new MachineError(`${debianPackage} has no modules`);
  return { image: path.join(folder, "boot", image), release, modules };
}

function copyModules(root: string, kernel: Kernel): void {
  const target = path.join(root, "lib/modules", kernel.release);
  for (const place of MODULE_PATHS)
    for (const name of [place, `${place}.xz`]) {
      const source = path.join(kernel.modules, name);
      if (!existsSync(source)) continue;
      mkdirSync(path.dirname(path.join(target, name)), { recursive: true });
      cpSync(source, path.join(target, name), { recursive: true });
    }
  run("find", [target, "-name", "*.ko.xz", "-exec", "xz", "-d", "{}", "+"]);
  for (const file of ["modules.builtin", "modules.order"])
    cpSync(path.join(kernel.modules, file), path.join(target, file));
  run(programPath("depmod") ?? "depmod", ["-b", root, kernel.release]);
}

/** Packs the guest's files into `<folder>/initrd.gz`; `guest` is the program, `files` what it reads, by name. */
function buildRamdisk(folder: string, kernel: Kernel, guest: string, files: Readonly<Record<string, string>>): string {
  const root = path.join(folder, "root");
  for (const place of ["proc", "sys", "dev", "tmp", "run", "etc", "guest"])
    mkdirSync(path.join(root, place), { recursive: true });
  // As Debian has it: one place by two names.
  for (const place of ["bin", "sbin", "lib", "lib64"]) {
    mkdirSync(path.join(root, "usr", place), { recursive: true });
    symlinkSync(`usr/${place}`, path.join(root, place));
  }
  cpSync(programPath("busybox") as string, path.join(root, "bin/busybox"));
  for (const [name, aliases] of Object.entries(GUEST_PROGRAMS)) {
    const file = programPath(name) as string;
    copyProgram(root, file);
    for (const alias of [name, ...aliases]) {
      const link = path.join(root, "usr/sbin", alias);
      rmSync(link, { force: true });
      symlinkSync(realpathSync(file), link);
    }
  }
  copyProgram(root, process.execPath);
  if (realpathSync(process.execPath) !== "/usr/bin/node")
    symlinkSync(realpathSync(process.execPath), path.join(root, "usr/bin/node"));
  const extensions = path.join(
    path.dirname(run("ldconfig", ["-p"]).match(/libxtables\.so\.12 .*=> (\S+)/)?.[1] ?? ""),
    "xtables",
  );
  copyFile(root, extensions);
  for (const file of ["/etc/protocols", "/etc/services", "/etc/passwd", "/etc/group"]) copyFile(root, file);
  copyModules(root, kernel);
  const require = createRequire(import.meta.url);
  const koffi = path.dirname(require.resolve("koffi"));
  cpSync(koffi, path.join(root, "guest/node_modules/koffi"), { recursive: true });
  cpSync(path.join(koffi, "../@koromix"), path.join(root, "guest/node_modules/@koromix"), { recursive: true });
  cpSync(guest, path.join(root, "guest/guest.mjs"));
  for (const [name, text] of Object.entries(files)) writeFileSync(path.join(root, "guest", name), text);
  writeFileSync(path.join(root, "init"), INIT);
  chmodSync(path.join(root, "init"), 0o755);
  run("sh", ["-c", "find . | cpio -o -H newc 2>/dev/null | gzip -1 > ../initrd.gz"], root);
  return path.join(folder, "initrd.gz");
}

/**
 * Boots the kernel of a package with the guest program; resolves to the lines the guest wrote. `folder` is emptied
 * first. Throws {@link MachineError} with the console's last words when the guest does not finish within the time.
 */
export async function bootAndRun(
  folder: string,
  debianPackage: string,
  guest: string,
  scenarios: string,
  patienceMilliseconds: number,
): Promise<string[]> {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const kernel = unpackKernel(debianPackage, path.join(folder, "package"));
  const ramdisk = buildRamdisk(folder, kernel, guest, { "scenarios.json": scenarios });
  const console = path.join(folder, "console.txt");
  const answers = path.join(folder, "answers.jsonl");
  const machine = spawn(
    "qemu-system-x86_64",
    [
      // Emulated throughout, so that it runs alike in a virtual machine and out of one; one CPU keeps the order of
      // calls.
      "-accel tcg -cpu max -smp 1 -m 1536 -nographic -no-reboot -nic none -monitor none".split(" "),
      ["-kernel", kernel.image, "-initrd", ramdisk, "-append", "console=ttyS0 quiet panic=-1"],
      ["-serial", `file:${console}`, "-serial", `file:${answers}`],
    ].flat(),
    { stdio: "ignore" },
  );
  const timer = setTimeout(() => machine.kill(), patienceMilliseconds);
  await new Promise((resolve, reject) => {
    machine.on("error", reject);
    machine.on("exit", resolve);
  });
  clearTimeout(timer);
  const lines = readFileSync(answers, "utf8")
    .split("\n")
    .filter((line) => line !== "");
  if (lines.length === 0 || lines.some((line) => line.startsWith('{"failed"')))
    throw new MachineError(`the guest failed:\n${readFileSync(console, "utf8").slice(-4000)}`);
  return lines;
}
