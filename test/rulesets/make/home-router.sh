# A home's router: everything out, nothing in but a forwarded port, that port from inside by the outside's address too
# (hairpin), segments clamped for a line of smaller MTU, a guests' network that sees the Internet only.
ipset create blocked hash:net
ipset add blocked 203.0.113.0/24
iptables-restore << 'RULES'
*raw
-A PREROUTING -i wan0 -m set --match-set blocked src -j DROP
COMMIT
*mangle
-A FORWARD -o wan0 -p tcp --syn -j TCPMSS --clamp-mss-to-pmtu
-A POSTROUTING -o wan0 -p udp --dport 5060 -j DSCP --set-dscp-class ef
COMMIT
*nat
:port-forwards - [0:0]
-A PREROUTING -d 198.51.100.1 -j port-forwards
-A port-forwards -p tcp --dport 8443 -j DNAT --to-destination 192.168.1.10:443
-A port-forwards -p udp --dport 27015:27030 -j DNAT --to-destination 192.168.1.10
-A POSTROUTING -s 192.168.1.0/24 -d 192.168.1.10 -o lan0 -m conntrack --ctstate DNAT -j MASQUERADE
-A POSTROUTING -o wan0 -j MASQUERADE
COMMIT
*filter
:INPUT DROP
:FORWARD DROP
:log-drop - [0:0]
-A INPUT -i lo -j ACCEPT
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -m conntrack --ctstate INVALID -j DROP
-A INPUT -i lan0 -p udp -m multiport --dports 53,67 -j ACCEPT
-A INPUT -i lan0 -p tcp -m multiport --dports 22,53,80,443 -j ACCEPT
-A INPUT -p icmp --icmp-type echo-request -m limit --limit 5/s -j ACCEPT
-A INPUT -i wan0 -j log-drop
-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -m conntrack --ctstate INVALID -j DROP
-A FORWARD -s 192.168.1.128/25 -d 192.168.0.0/16 -j REJECT --reject-with icmp-net-prohibited
-A FORWARD -i lan0 -o wan0 -m time --timestart 06:00 --timestop 23:00 -m mac --mac-source 02:00:00:00:00:66 -j REJECT
-A FORWARD -i lan0 -j ACCEPT
-A FORWARD -m conntrack --ctstate DNAT -j ACCEPT
-A FORWARD -j log-drop
-A log-drop -m limit --limit 3/min -j LOG --log-prefix "dropped: " --log-tcp-options
-A log-drop -j DROP
COMMIT
RULES
ip6tables-restore << 'RULES'
*filter
:INPUT DROP
:FORWARD DROP
-A INPUT -i lo -j ACCEPT
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -p ipv6-icmp -j ACCEPT
-A INPUT -s fe80::/10 -p udp --dport 546 -j ACCEPT
-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -p ipv6-icmp --icmpv6-type echo-request -m limit --limit 10/s -j ACCEPT
-A FORWARD -i lan0 -o wan0 -j ACCEPT
-A FORWARD -j REJECT --reject-with icmp6-adm-prohibited
COMMIT
RULES
