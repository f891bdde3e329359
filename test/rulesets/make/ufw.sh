# A host's ufw: ssh limited, web open, DNS for the LAN, mail rejected, forwarding from the LAN only.
ufw --force reset
ufw default deny incoming
ufw default allow outgoing
ufw default deny routed
ufw limit 22/tcp comment ssh
ufw allow 80,443/tcp
ufw allow from 192.168.1.0/24 to any port 53 proto udp
ufw deny 23
ufw reject in on wan0 to any port 25 proto tcp
ufw route allow in on lan0 out on wan0
ufw logging medium
ufw --force enable
