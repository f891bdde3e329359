/**
 * The counters of /proc/net/snmp and of the IpExt and TcpExt lines of /proc/net/netstat that this engine's events can
 * move, under the kernel's names. Models net/ipv4/proc.c.
 */

/** The `Ip:` line (without Forwarding and DefaultTTL, which are sysctls). */
export class IpMib {
  InReceives = 0;
  InHdrErrors = 0;
  InAddrErrors = 0;
  ForwDatagrams = 0;
  InUnknownProtos = 0;
  InDiscards = 0;
  InDelivers = 0;
  OutRequests = 0;
  OutDiscards = 0;
  OutNoRoutes = 0;
  ReasmTimeout = 0;
  ReasmReqds = 0;
  ReasmOKs = 0;
  ReasmFails = 0;
  FragOKs = 0;
  FragFails = 0;
  FragCreates = 0;
  OutTransmits = 0;
}

/** The `IpExt:` line. */
export class IpExtMib {
  InNoRoutes = 0;
  InTruncatedPkts = 0;
  InMcastPkts = 0;
  OutMcastPkts = 0;
  InBcastPkts = 0;
  OutBcastPkts = 0;
  InOctets = 0;
  OutOctets = 0;
  InMcastOctets = 0;
  OutMcastOctets = 0;
  InBcastOctets = 0;
  OutBcastOctets = 0;
  InCsumErrors = 0;
}

/** The `Icmp:` line; the counts by type of `IcmpMsg:` are {@link inType} and {@link outType}. */
export class IcmpMib {
  InMsgs = 0;
  InErrors = 0;
  InCsumErrors = 0;
  OutMsgs = 0;
  OutErrors = 0;
  OutRateLimitGlobal = 0;
  OutRateLimitHost = 0;
  /** By ICMP type. */
  readonly inType: Uint32Array = new Uint32Array(256);
  readonly outType: Uint32Array = new Uint32Array(256);
}

/** The `Tcp:` line (CurrEstab is counted from the sockets) and what this engine has of `TcpExt:`. */
export class TcpMib {
  ActiveOpens = 0;
  PassiveOpens = 0;
  AttemptFails = 0;
  EstabResets = 0;
  InSegs = 0;
  OutSegs = 0;
  RetransSegs = 0;
  InErrs = 0;
  OutRsts = 0;
  InCsumErrors = 0;
  /** TcpExt. */
  IPReversePathFilter = 0;
  ListenOverflows = 0;
  ListenDrops = 0;
  TW = 0;
  PAWSEstab = 0;
  TCPTimeouts = 0;
  TCPAbortOnData = 0;
  TCPAbortOnClose = 0;
  TCPAbortOnTimeout = 0;
}

/** The `Udp:` line. */
export class UdpMib {
  InDatagrams = 0;
  NoPorts = 0;
  InErrors = 0;
  OutDatagrams = 0;
  RcvbufErrors = 0;
  SndbufErrors = 0;
  InCsumErrors = 0;
}

/** All counters of a namespace. */
export class Snmp {
  readonly ip: IpMib = new IpMib();
  readonly ipExt: IpExtMib = new IpExtMib();
  readonly icmp: IcmpMib = new IcmpMib();
  readonly tcp: TcpMib = new TcpMib();
  readonly udp: UdpMib = new UdpMib();
}
