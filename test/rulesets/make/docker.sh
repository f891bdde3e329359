# A host's Docker: the default bridge with a published web server, one network of its own, one that is internal.
mount -t cgroup2 none /sys/fs/cgroup
sysctl -qw net.ipv4.ip_forward=1
dockerd --data-root /run/docker/data --exec-root /run/docker/exec --pidfile /run/docker/pid -H unix:///run/docker/sock \
  --storage-driver vfs --ipv6 --fixed-cidr-v6 2001:db8:d::/64 --experimental --ip6tables 2> /run/docker.log &
export DOCKER_HOST=unix:///run/docker/sock
until docker version > /dev/null 2>&1; do sleep 1; done
mkdir -p /run/image/bin
cp /usr/bin/busybox /run/image/bin/
tar -C /run/image -c . | docker import - busybox
docker network create --subnet 172.20.0.0/16 -o com.docker.network.bridge.name=br-front front
docker network create --internal --subnet 172.21.0.0/16 -o com.docker.network.bridge.name=br-back back
docker run -d --name web -p 8080:80 -p 127.0.0.1:5432:5432 busybox /bin/busybox sleep 100
docker run -d --name dns --network front -p 53:53/udp --ip 172.20.0.5 busybox /bin/busybox sleep 100
trap 'docker rm -f web dns; kill "$(cat /run/docker/pid)"; wait' EXIT
