# A node of Kubernetes as kube-proxy's documentation describes its iptables mode: a name server with two endpoints, a web
# service on a node port with clients that stay with their endpoint, a service that nothing answers, and localnet guarded.
iptables-restore << 'RULES'
*filter
:KUBE-EXTERNAL-SERVICES - [0:0]
:KUBE-FIREWALL - [0:0]
:KUBE-FORWARD - [0:0]
:KUBE-NODEPORTS - [0:0]
:KUBE-SERVICES - [0:0]
-A INPUT -m comment --comment "kubernetes health check service ports" -j KUBE-NODEPORTS
-A INPUT -m conntrack --ctstate NEW -m comment --comment "kubernetes externally-visible service portals" -j KUBE-EXTERNAL-SERVICES
-A INPUT -j KUBE-FIREWALL
-A FORWARD -m comment --comment "kubernetes forwarding rules" -j KUBE-FORWARD
-A FORWARD -m conntrack --ctstate NEW -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
-A OUTPUT -m conntrack --ctstate NEW -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
-A OUTPUT -j KUBE-FIREWALL
-A KUBE-FIREWALL ! -s 127.0.0.0/8 -d 127.0.0.0/8 -m comment --comment "block incoming localnet connections" -m conntrack ! --ctstate RELATED,ESTABLISHED,DNAT -j DROP
-A KUBE-FORWARD -m conntrack --ctstate INVALID -j DROP
-A KUBE-FORWARD -m comment --comment "kubernetes forwarding rules" -m mark --mark 0x4000/0x4000 -j ACCEPT
-A KUBE-FORWARD -m comment --comment "kubernetes forwarding conntrack rule" -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A KUBE-NODEPORTS -p tcp -m comment --comment "lab/web health check node port" --dport 32000 -j ACCEPT
-A KUBE-SERVICES -d 10.96.0.77 -p tcp -m comment --comment "lab/empty has no endpoints" --dport 80 -j REJECT
COMMIT
*nat
:KUBE-MARK-MASQ - [0:0]
:KUBE-NODEPORTS - [0:0]
:KUBE-POSTROUTING - [0:0]
:KUBE-SEP-DNSAAAAAAAAAAAAA - [0:0]
:KUBE-SEP-DNSBBBBBBBBBBBBB - [0:0]
:KUBE-SEP-WEBAAAAAAAAAAAAA - [0:0]
:KUBE-SEP-WEBBBBBBBBBBBBBB - [0:0]
:KUBE-SERVICES - [0:0]
:KUBE-SVC-DNSDNSDNSDNSDNSD - [0:0]
:KUBE-SVC-WEBWEBWEBWEBWEBW - [0:0]
-A PREROUTING -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
-A OUTPUT -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
-A POSTROUTING -m comment --comment "kubernetes postrouting rules" -j KUBE-POSTROUTING
-A KUBE-MARK-MASQ -j MARK --or-mark 0x4000
-A KUBE-NODEPORTS -p tcp -m comment --comment "lab/web:http" --dport 30080 -j KUBE-MARK-MASQ
-A KUBE-NODEPORTS -p tcp -m comment --comment "lab/web:http" --dport 30080 -j KUBE-SVC-WEBWEBWEBWEBWEBW
-A KUBE-POSTROUTING -m mark ! --mark 0x4000/0x4000 -j RETURN
-A KUBE-POSTROUTING -j MARK --xor-mark 0x4000
-A KUBE-POSTROUTING -m comment --comment "kubernetes service traffic requiring SNAT" -j MASQUERADE
-A KUBE-SEP-DNSAAAAAAAAAAAAA -s 10.244.1.5 -m comment --comment "kube-system/kube-dns:dns" -j KUBE-MARK-MASQ
-A KUBE-SEP-DNSAAAAAAAAAAAAA -p udp -m comment --comment "kube-system/kube-dns:dns" -m udp -j DNAT --to-destination 10.244.1.5:53
-A KUBE-SEP-DNSBBBBBBBBBBBBB -s 10.244.1.6 -m comment --comment "kube-system/kube-dns:dns" -j KUBE-MARK-MASQ
-A KUBE-SEP-DNSBBBBBBBBBBBBB -p udp -m comment --comment "kube-system/kube-dns:dns" -m udp -j DNAT --to-destination 10.244.1.6:53
-A KUBE-SEP-WEBAAAAAAAAAAAAA -s 10.244.1.7 -m comment --comment "lab/web:http" -j KUBE-MARK-MASQ
-A KUBE-SEP-WEBAAAAAAAAAAAAA -p tcp -m comment --comment "lab/web:http" -m recent --set --name KUBE-SEP-WEBAAAAAAAAAAAAA -m tcp -j DNAT --to-destination 10.244.1.7:8080
-A KUBE-SEP-WEBBBBBBBBBBBBBB -s 10.244.1.8 -m comment --comment "lab/web:http" -j KUBE-MARK-MASQ
-A KUBE-SEP-WEBBBBBBBBBBBBBB -p tcp -m comment --comment "lab/web:http" -m recent --set --name KUBE-SEP-WEBBBBBBBBBBBBBB -m tcp -j DNAT --to-destination 10.244.1.8:8080
-A KUBE-SERVICES -d 10.96.0.10 -p udp -m comment --comment "kube-system/kube-dns:dns cluster IP" --dport 53 -j KUBE-SVC-DNSDNSDNSDNSDNSD
-A KUBE-SERVICES -d 10.96.0.80 -p tcp -m comment --comment "lab/web:http cluster IP" --dport 80 -j KUBE-SVC-WEBWEBWEBWEBWEBW
-A KUBE-SERVICES -m comment --comment "kubernetes service nodeports; NOTE: this must be the last rule in this chain" -m addrtype --dst-type LOCAL -j KUBE-NODEPORTS
-A KUBE-SVC-DNSDNSDNSDNSDNSD ! -s 10.244.0.0/16 -d 10.96.0.10 -p udp -m comment --comment "kube-system/kube-dns:dns cluster IP" --dport 53 -j KUBE-MARK-MASQ
-A KUBE-SVC-DNSDNSDNSDNSDNSD -m comment --comment "kube-system/kube-dns:dns -> 10.244.1.5:53" -m statistic --mode random --probability 0.5 -j KUBE-SEP-DNSAAAAAAAAAAAAA
-A KUBE-SVC-DNSDNSDNSDNSDNSD -m comment --comment "kube-system/kube-dns:dns -> 10.244.1.6:53" -j KUBE-SEP-DNSBBBBBBBBBBBBB
-A KUBE-SVC-WEBWEBWEBWEBWEBW ! -s 10.244.0.0/16 -d 10.96.0.80 -p tcp -m comment --comment "lab/web:http cluster IP" --dport 80 -j KUBE-MARK-MASQ
-A KUBE-SVC-WEBWEBWEBWEBWEBW -m comment --comment "lab/web:http -> 10.244.1.7:8080" -m recent --rcheck --seconds 10800 --reap --name KUBE-SEP-WEBAAAAAAAAAAAAA -j KUBE-SEP-WEBAAAAAAAAAAAAA
-A KUBE-SVC-WEBWEBWEBWEBWEBW -m comment --comment "lab/web:http -> 10.244.1.8:8080" -m recent --rcheck --seconds 10800 --reap --name KUBE-SEP-WEBBBBBBBBBBBBBB -j KUBE-SEP-WEBBBBBBBBBBBBBB
-A KUBE-SVC-WEBWEBWEBWEBWEBW -m comment --comment "lab/web:http -> 10.244.1.7:8080" -m statistic --mode random --probability 0.5 -j KUBE-SEP-WEBAAAAAAAAAAAAA
-A KUBE-SVC-WEBWEBWEBWEBWEBW -m comment --comment "lab/web:http -> 10.244.1.8:8080" -j KUBE-SEP-WEBBBBBBBBBBBBBB
COMMIT
RULES
ip6tables-restore << 'RULES'
*filter
:KUBE-FORWARD - [0:0]
-A FORWARD -m comment --comment "kubernetes forwarding rules" -j KUBE-FORWARD
-A KUBE-FORWARD -m conntrack --ctstate INVALID -j DROP
-A KUBE-FORWARD -m mark --mark 0x4000/0x4000 -j ACCEPT
COMMIT
RULES
