#!/bin/bash
# Makes the rulesets anew, as root: each program runs in a network and mount namespace of its own with its configuration
# copied, and what it left in the tables is saved beside this folder. Needs docker.io, ufw, firewalld, fail2ban, ipset,
# iptables, busybox and dbus of Debian 12. `all.sh NAME...` makes only these.
set -e
here=$(cd "$(dirname "$0")" && pwd)
one() {
  local name=$1
  mount -t tmpfs none /run
  for folder in ufw firewalld fail2ban; do
    [ -d /etc/$folder ] || continue
    cp -a /etc/$folder /run/etc-$folder
    mount --bind /run/etc-$folder /etc/$folder
  done
  ip link set lo up
  . "$here/$name.sh"
  iptables-save > "$here/../$name.v4.rules"
  ip6tables-save > "$here/../$name.v6.rules"
  sed -i 's/ on ... ... .*//' "$here/../$name".v?.rules
  if [ -n "$(ipset list -n)" ]; then ipset save > "$here/../$name.sets"; fi
}
if [ "$1" = --in-namespace ]; then one "$2"; exit; fi
[ $# -gt 0 ] || set -- docker fail2ban firewalld home-router kube-proxy ufw
for name; do
  unshare --net --mount --propagation private bash "$0" --in-namespace "$name"
done
