#!/usr/bin/env python3
"""Asks the running kernel what a whole router does: reads scenarios as JSON lines ({"name", "setup": [command, ...],
"steps": [["lan"|"wan", hex] or [command], ...]}) and writes, for each step, what left by the two TUN devices, the
conntrack events, and what the command printed. Each scenario has a network namespace of its own. Needs root and the
tools that the commands name. Usage: record_router.py < scenarios.jsonl > answers.jsonl
"""
import ctypes, json, os, platform, subprocess, sys, time
from record import drain, entry, netlink, tun

BASE = """link set lo up
link set lan0 up
link set wan0 up
addr add 192.168.1.1/24 dev lan0
addr add 198.51.100.1/24 dev wan0
route add 203.0.113.0/24 dev wan0
"""

def command(line):
    run = subprocess.run(line, shell=True, text=True, capture_output=True)
    return {"stdout": run.stdout, "status": run.returncode}

def run(scenario):
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(0x40000000) != 0:
        raise OSError(ctypes.get_errno(), "unshare")
    for name in ("all", "default"):
        with open("/proc/sys/net/ipv6/conf/%s/disable_ipv6" % name, "w") as f:
            f.write("1")
    devices = {"lan": tun("lan0"), "wan": tun("wan0")}
    subprocess.run(["ip", "-b", "-"], check=True, text=True, input=BASE)
    with open("/proc/sys/net/ipv4/ip_forward", "w") as f:
        f.write("1")
    events = netlink((1, 2, 3))
    for line in scenario["setup"]:
        answer = subprocess.run(line, shell=True, text=True, capture_output=True)
        if answer.returncode != 0:
            raise SystemExit("%s: %s: %s" % (scenario["name"], line, answer.stderr))
    results = []
    for step in scenario["steps"]:
        result = {}
        if len(step) == 1:
            result = command(step[0])
            # The kernel ends masqueraded connections from a work queue.
            time.sleep(0.1)
        else:
            os.write(devices[step[0]], bytes.fromhex(step[1]))
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
        results.append({**result, "out": out, "events": seen})
    return {"name": scenario["name"], "results": results}

def main():
    print(json.dumps({"kernel": platform.release()}))
    for line in sys.stdin:
        sys.stdout.flush()
        # A child of its own: its namespace ends with it.
        child = os.fork()
        if child == 0:
            print(json.dumps(run(json.loads(line))))
            sys.stdout.flush()
            os._exit(0)
        if os.waitpid(child, 0)[1] != 0:
            raise SystemExit("a scenario failed")

if __name__ == "__main__":
    main()
