/** RATEEST and `-m rateest`: a rule's words, behind two estimators `a` and `b` where it asks for them. */

const TARGETS: readonly string[] = [
  "--rateest-name a --rateest-interval 250ms --rateest-ewmalog 500ms",
  "--rateest-name a --rateest-interval 250ms --rateest-ewmalog 1s",
  "--rateest-name c --rateest-interval 1s --rateest-ewmalog 10s",
  "--rateest-name c --rateest-interval 0.3 --rateest-ewmalog 2",
  "--rateest-name c --rateest-interval 8 --rateest-ewmalog 100",
  "--rateest-name c --rateest-interval 100us --rateest-ewmalog 1s",
  "--rateest-name c --rateest-interval 1s --rateest-ewmalog 1.4s",
  "--rateest-name c --rateest-interval 1s --rateest-ewmalog 1.5s",
  "--rateest-name c --rateest-interval 7.9s --rateest-ewmalog 100s",
  "--rateest-name c --rateest-interval 9s --rateest-ewmalog 100s",
  "--rateest-name c --rateest-interval 0 --rateest-ewmalog 1s",
  "--rateest-name c --rateest-interval x --rateest-ewmalog 1s",
  "--rateest-name c --rateest-interval 1s --rateest-ewmalog 1x",
  "--rateest-name c --rateest-interval 1s",
  "--rateest-name c",
  "--rateest-interval 1s --rateest-ewmalog 5s",
  "",
  "--rateest-name c --rateest-name d --rateest-interval 1s --rateest-ewmalog 5s",
  "--rateest-name verylongnamethatistoolong --rateest-interval 1s --rateest-ewmalog 5s",
  "--rateest-name c --rateest-interval 1s --rateest-ewmalog 1000000s",
  "--rateest-name c --rateest-interval 1000msec --rateest-ewmalog 20000000usec",
  "--rateest-name c --rateest-interval 2SECS --rateest-ewmalog 20min",
];

const MATCHES: readonly string[] = [
  "--rateest a --rateest-gt --rateest-bps 5mbit",
  "--rateest a --rateest-lt --rateest-bps 5kbit",
  "--rateest a --rateest-eq --rateest-pps 50",
  "--rateest a ! --rateest-gt --rateest-pps 50",
  "--rateest a --rateest-bps --rateest-gt --rateest-bps 5mbit",
  "--rateest1 a --rateest-bps1 --rateest-gt --rateest-bps2 5mbit",
  "--rateest1 a --rateest-gt --rateest2 b",
  "--rateest1 a --rateest-bps --rateest-gt --rateest2 b",
  "--rateest1 a --rateest-pps --rateest-lt --rateest2 b",
  "--rateest1 a --rateest-bps --rateest-pps --rateest-lt --rateest2 b",
  "--rateest-delta --rateest1 a --rateest-bps1 2.5mbit --rateest-gt --rateest2 b --rateest-bps2 2mbit",
  "--rateest-delta --rateest1 a --rateest-pps1 25 ! --rateest-gt --rateest2 b --rateest-bps2 2mbit",
  "--rateest-delta --rateest a --rateest-bps1 2.5mbit --rateest-gt --rateest-bps2 2mbit",
  "--rateest-delta --rateest a --rateest-bps1 25 --rateest-pps1 25 --rateest-gt --rateest-bps2 5 --rateest-pps2 10",
  "--rateest-delta --rateest a --rateest-gt --rateest-pps2 10",
  "--rateest a --rateest-gt",
  "--rateest a --rateest-bps 5",
  "--rateest-gt --rateest-bps 5",
  "",
  "--rateest zz --rateest-gt --rateest-bps 5",
  "--rateest a --rateest2 zz --rateest-gt --rateest-bps",
  "--rateest a --rateest-gt --rateest-bps x",
  "--rateest a --rateest-gt --rateest-bps 5foo",
  "--rateest a --rateest-gt --rateest-pps x",
  "--rateest a --rateest-gt --rateest-lt --rateest-pps 5",
  "--rateest a --rateest a --rateest-lt --rateest-pps 5",
  "--rateest a --rateest2 b --rateest2 b --rateest-lt --rateest-pps 5",
  "--rateest a --rateest-lt --rateest-pps 5 --rateest-pps 6",
  "--rateest a --rateest-lt --rateest-bps1 5kbit",
  "--rateest a --rateest-delta --rateest-delta --rateest-lt --rateest-pps 5",
  "! --rateest1 a --rateest-lt --rateest-pps 5",
  "--rateest a --rateest-lt ! --rateest-bps1 5",
  "--rateest a ! --rateest-delta --rateest-lt --rateest-pps 5",
  "--rateest a --rateest-lt --rateest-pps -1",
  "--rateest a --rateest-lt x",
  "--rateest",
  ...["bit", "kibit", "kbit", "mibit", "gibit", "gbit", "tbit", "bps", "kibps", "mbps", "tibps", "KBIT", "k", ""].map(
    (unit) => `--rateest a --rateest-gt --rateest-bps 3${unit}`,
  ),
  ...["999", "999999", "1000001", "123456789", "4000000000bps", "1.5kbit", "0x10", "1e3"].map(
    (value) => `--rateest a --rateest-gt --rateest-bps ${value}`,
  ),
];

const ESTIMATORS = ["a", "b"].map(
  (name) => `iptables -A INPUT -j RATEEST --rateest-name ${name} --rateest-interval 250ms --rateest-ewmalog 500ms`,
);

/** Command lines by name. */
export const RATEEST_LINES: readonly (readonly [name: string, lines: readonly string[]])[] = [
  ...TARGETS.map((words) => `-j RATEEST ${words}`),
  ...MATCHES.map((words) => `-m rateest ${words}`),
].map((rule) => [
  rule.trim(),
  [
    ...ESTIMATORS,
    `iptables -A INPUT ${rule.trim()}`,
    "iptables -S INPUT",
    "iptables -nL INPUT",
    `iptables -D INPUT ${rule.trim()}`,
    "iptables -S INPUT",
  ],
]);
