# A host's fail2ban: ssh and mail by iptables-multiport, repeat offenders by a set; three addresses banned, and one.
mount -t tmpfs none /var/lib/fail2ban
mkdir -p /run/fail2ban
touch /run/auth.log
rm -rf /etc/fail2ban/jail.d/*
cat > /etc/fail2ban/jail.local <<'JAILS'
[DEFAULT]
bantime = 600
backend = polling
[sshd]
enabled = true
logpath = /run/auth.log
banaction = iptables-multiport
[recidive]
enabled = true
logpath = /run/auth.log
banaction = iptables-ipset-proto6-allports
[postfix]
enabled = true
logpath = /run/auth.log
port = smtp,465,submission
banaction = iptables-multiport
JAILS
fail2ban-server -b -s /run/fail2ban/sock -p /run/fail2ban/pid --logtarget /run/fail2ban.log
sleep 3
fail2ban-client -s /run/fail2ban/sock set sshd banip 198.51.100.66 198.51.100.67 2001:db8::66
fail2ban-client -s /run/fail2ban/sock set postfix banip 198.51.100.66
fail2ban-client -s /run/fail2ban/sock set recidive banip 198.51.100.99
sleep 4
trap 'kill "$(cat /run/fail2ban/pid)"' EXIT
