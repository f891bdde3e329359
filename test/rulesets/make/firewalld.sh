# A gateway's firewalld with the iptables backend: zones internal and external, a forwarded port, two rich rules.
ip link add lan0 type veth peer name lan1
ip link add wan0 type veth peer name wan1
ip link set lan0 up
ip link set wan0 up
sed -i 's/^FirewallBackend=.*/FirewallBackend=iptables/; s/^LogDenied=.*/LogDenied=all/; s/^CleanupOnExit=.*/CleanupOnExit=no/' \
  /etc/firewalld/firewalld.conf
mkdir -p /run/dbus
dbus-daemon --system --fork --print-pid > /run/dbus.pid
firewall-offline-cmd --zone=internal --add-interface=lan0
firewall-offline-cmd --zone=external --add-interface=wan0
firewall-offline-cmd --zone=external --add-service=http
firewall-offline-cmd --zone=external --add-forward-port=port=8080:proto=tcp:toport=80:toaddr=192.168.1.10
firewall-offline-cmd --zone=internal --add-rich-rule='rule family="ipv4" source address="192.168.1.66" reject'
firewall-offline-cmd --zone=external --add-rich-rule='rule family="ipv4" source address="198.51.100.0/24" service name="ftp" log prefix="ftp " level="info" limit value="5/m" accept'
firewalld --nofork --nopid &
until firewall-cmd --state; do sleep 1; done
kill $! "$(cat /run/dbus.pid)"
