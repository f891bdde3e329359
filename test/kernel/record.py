#!/usr/bin/env python3
"""Asks the running kernel: reads scenarios as JSON lines ({"name", "steps": [["lan"|"wan", hex], ...]}) and writes, for
each, what left ([device, hex] for each step), the conntrack events, and the entry left behind. Packets pass two TUN
devices in a network namespace of their own. Needs root, nft and Python's standard library; nothing outside the namespace
is touched. How conntrack saw a forwarded packet is written into its DSCP field, which the caller takes out again:
1 NEW, 2 ESTABLISHED, 3 RELATED, 4 INVALID, plus 8 for the reply direction.
Usage: record.py [--rule=NFT-STATEMENT] [nf_conntrack_SYSCTL=VALUE ...] < scenarios.jsonl > answers.jsonl
"""
import ctypes, fcntl, json, os, platform, socket, struct, subprocess, sys

TCP_STATES = ["NONE", "SYN_SENT", "SYN_RECV", "ESTABLISHED", "FIN_WAIT", "CLOSE_WAIT", "LAST_ACK", "TIME_WAIT", "CLOSE", "SYN_SENT2"]

def tun(name):
    fd = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(fd, 0x400454CA, struct.pack("16sH22x", name.encode(), 0x0001 | 0x1000))
    return fd

def netlink(groups=()):
    s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 12)
    s.setsockopt(socket.SOL_SOCKET, 33, 64 << 20)
    s.bind((0, 0))
    for g in groups:
        s.setsockopt(270, 1, g)
    return s

def messages(block):
    at = 0
    while at < len(block):
        length, kind, flags, _seq, _pid = struct.unpack_from("=IHHII", block, at)
        yield kind, flags, block[at + 16:at + length]
        at += (length + 3) & ~3

def drain(s):
    out = []
    while True:
        try:
            out += messages(s.recv(1 << 17, socket.MSG_DONTWAIT))
        except BlockingIOError:
            return out

def dump(s):
    s.send(struct.pack("=IHHIIBBH", 20, 0x0101, 0x301, 1, 0, 2, 0, 0))
    out = []
    while True:
        for kind, _flags, body in messages(s.recv(1 << 17)):
            if kind == 3:
                return out
            out.append(body)

def attributes(b, at=0):
    found = {}
    while at + 4 <= len(b):
        length, kind = struct.unpack_from("=HH", b, at)
        if length < 4:
            break
        value = b[at + 4:at + length]
        found[kind & 0x3FFF] = attributes(value) if kind & 0x8000 else value
        at += (length + 3) & ~3
    return found

def be16(b): return struct.unpack("!H", b)[0]

def tuple_line(t):
    ip, proto = t[1], t[2]
    line = "src=%s dst=%s" % (socket.inet_ntoa(ip[1]), socket.inet_ntoa(ip[2]))
    number = proto[1][0]
    if number == 1:
        return number, line + " type=%d code=%d id=%d" % (proto[5][0], proto[6][0], be16(proto[4]))
    if 2 in proto:
        return number, line + " sport=%d dport=%d" % (be16(proto[2]), be16(proto[3]))
    return number, line

def entry(body, timeout):
    a = attributes(body, 4)
    number, original = tuple_line(a[1])
    _, reply = tuple_line(a[2])
    status = struct.unpack("!I", a[3])[0]
    parts = [{1: "icmp", 6: "tcp", 17: "udp"}.get(number, "unknown")]
    if timeout and 7 in a:
        parts.append(str(struct.unpack("!I", a[7])[0]))
    if number == 6 and 4 in a:
        parts.append(TCP_STATES[a[4][1][1][0]])
    parts.append(original)
    if not status & 2:
        parts.append("[UNREPLIED]")
    parts.append(reply)
    if status & 4:
        parts.append("[ASSURED]")
    return " ".join(parts)

def main():
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(0x40000000) != 0:
        raise OSError(ctypes.get_errno(), "unshare")
    rule = 'oifname "wan0" snat to 198.51.100.1'
    settings = {"net/ipv4/ip_forward": 1, "net/ipv4/conf/all/rp_filter": 0}
    for argument in sys.argv[1:]:
        if argument.startswith("--rule="):
            rule = argument[7:]
        else:
            name, value = argument.split("=")
            settings["net/netfilter/" + name] = value
    for name in ("all", "default"):
        with open("/proc/sys/net/ipv6/conf/%s/disable_ipv6" % name, "w") as f:
            f.write("1")
    devices = {"lan": tun("lan0"), "wan": tun("wan0")}
    subprocess.run(["ip", "-b", "-"], check=True, text=True, input="""link set lo up
link set lan0 up
link set wan0 up
addr add 192.168.1.1/24 dev lan0
addr add 198.51.100.1/24 dev wan0
route add 203.0.113.0/24 dev wan0
""")
    for name, value in settings.items():
        with open("/proc/sys/" + name, "w") as f:
            f.write(str(value))
    events = netlink((1, 2, 3))
    control = netlink()
    subprocess.run(["nft", "-f", "-"], check=True, text=True, input="""table ip xlate {
 chain post { type nat hook postrouting priority srcnat; %s; }
 chain pre { type nat hook prerouting priority dstnat; }
}
table ip look {
 chain incoming { type filter hook input priority filter; policy drop; }
 chain outgoing { type filter hook output priority filter; policy drop; }
 chain seen { type filter hook forward priority filter;
  ct state invalid ip dscp set 4 accept
  ct state new ip dscp set 1 accept
  ct state established ct direction original ip dscp set 2 accept
  ct state established ct direction reply ip dscp set 10 accept
  ct state related ct direction original ip dscp set 3 accept
  ct state related ct direction reply ip dscp set 11 accept
 }
}
""" % rule)
    print(json.dumps({"kernel": platform.release(), "rule": rule}))
    for line in sys.stdin:
        scenario = json.loads(line)
        results = []
        for device, packet in scenario["steps"]:
            os.write(devices[device], bytes.fromhex(packet))
            out = []
            for name, fd in devices.items():
                while True:
                    try:
                        out.append([name, os.read(fd, 65535).hex()])
                    except BlockingIOError:
                        break
            seen = []
            for kind, flags, body in drain(events):
                name = "DESTROY" if kind & 0xFF == 2 else "NEW" if flags & 0x400 else "UPDATE"
                seen.append("[%s] %s" % (name, entry(body, True)))
            results.append({"out": out, "events": seen})
        print(json.dumps({"name": scenario["name"], "results": results}))
    print(json.dumps({"entries": sorted(entry(body, True) for body in dump(control))}))

if __name__ == "__main__":
    main()
