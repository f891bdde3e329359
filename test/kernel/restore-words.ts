/** Chains renamed and listed within one run of iptables-restore. */
const LINES: readonly string[] = [
  "printf '*filter\n:a - [0:0]\n-E a b\n-A b -j ACCEPT\nCOMMIT\n' | iptables-restore",
  "iptables -S",
  "printf '*filter\n:a - [0:0]\n-E a b\n-A a -j ACCEPT\nCOMMIT\n' | iptables-restore",
  "iptables -S",
  "printf '*filter\n:a - [0:0]\n-A INPUT -j a\n-E a b\n-A INPUT -j b\nCOMMIT\n' | iptables-restore",
  "iptables -S",
  "printf '*filter\n:a - [0:0]\n-A INPUT -j a\n-E a b\nCOMMIT\n' | iptables-restore",
  "iptables -S",
  "printf '*filter\n:a - [0:0]\n-A INPUT -j a\n-L\nCOMMIT\n' | iptables-restore",
  "iptables -S",
  "printf '*filter\n:a - [0:0]\nCOMMIT\n' | iptables-restore",
  "printf '*filter\n-E a b\n-N a\n-A INPUT -j a\nCOMMIT\n' | iptables-restore -n",
  "iptables -S",
  "printf '*filter\n-E b c\n-A INPUT -j b\nCOMMIT\n' | iptables-restore -n",
  "iptables -S",
  "printf '*filter\n-E c d\n-F c\n-X c\nCOMMIT\n' | iptables-restore -n",
  "iptables -S",
  "printf '*filter\n-E d e\n-X d\nCOMMIT\n' | iptables-restore -n",
  "iptables -S",
  "printf '*filter\n-E e f\n-F f\nCOMMIT\n' | iptables-restore -n",
  "iptables -S",
  "printf '*filter\n-E e f\n-S\nCOMMIT\n' | iptables-restore -n",
  "printf '*filter\n-E f g\n-L f\nCOMMIT\n' | iptables-restore -n",
  "printf '*filter\n-A INPUT -j g\n-L g\nCOMMIT\n' | iptables-restore -n",
  "iptables -S",
];

export const RESTORE_WORDS: readonly string[] = [
  ...LINES,
  ...LINES.map((line) => line.replaceAll("tables", "tables-legacy")),
];
