/*
 * Sends UDP datagrams of many flows into a device as fast as one core does, and says what that cost: the kernel's part of
 * the benchmark. Each frame is complete, checksums too, and made beforehand; a packet socket hands batches of them to the
 * device past the queueing discipline. The device is a veth, so that the other end's namespace receives, forwards and
 * transmits in this process's own time; time is therefore the thread's processor time plus that of the core's ksoftirqd,
 * which does what is left over, and says the same on a busy machine as on a quiet one.
 *
 * sender DEVICE DESTINATION_MAC FLOWS ORDER(turn|random) then on stdin one line a burst: the number of packets; answers each with a line
 * "SENT NANOSECONDS". Flow i has the source 192.168.0.2 + i / 500 (10.0.0.0/8 above 20 million) and port 10000 + i % 500.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { PAYLOAD = 18, IP = 14, UDP = 34, FRAME = 60, BATCH = 64 };

static void die(const char *what) {
    perror(what);
    exit(1);
}

static void put16(unsigned char *at, uint32_t value) {
    at[0] = (unsigned char)(value >> 8);
    at[1] = (unsigned char)value;
}

static void put32(unsigned char *at, uint32_t value) {
    put16(at, value >> 16);
    put16(at + 2, value);
}

static uint32_t sum(const unsigned char *data, int length, uint32_t from) {
    for (int i = 0; i < length; i += 2) from += (uint32_t)(data[i] << 8 | data[i + 1]);
    return from;
}

static uint32_t fold(uint32_t total) {
    while (total > 0xffff) total = (total & 0xffff) + (total >> 16);
    return ~total & 0xffff;
}

static void make_frame(unsigned char *frame, uint32_t flow) {
    uint32_t src = 0xc0a80002 + flow / 500, dst = 0xc633c809;
    memset(frame + IP, 0, FRAME - IP);
    put16(frame + 12, ETH_P_IP);
    frame[IP] = 0x45;
    put16(frame + IP + 2, FRAME - IP);
    put16(frame + IP + 6, 0x4000);
    frame[IP + 8] = 64;
    frame[IP + 9] = IPPROTO_UDP;
    put32(frame + IP + 12, src);
    put32(frame + IP + 16, dst);
    put16(frame + IP + 10, fold(sum(frame + IP, 20, 0)));
    put16(frame + UDP, 10000 + flow % 500);
    put16(frame + UDP + 2, 53);
    put16(frame + UDP + 4, 8 + PAYLOAD);
    uint32_t check = fold(sum(frame + UDP, 8 + PAYLOAD, sum(frame + IP + 12, 8, IPPROTO_UDP + 8 + PAYLOAD)));
    put16(frame + UDP + 6, check == 0 ? 0xffff : check);
}

static long long thread_time(void) {
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return now.tv_sec * 1000000000LL + now.tv_nsec;
}

/* Nanoseconds that a process has run. */
static long long run_time(int schedstat) {
    char text[128];
    ssize_t length = pread(schedstat, text, sizeof text - 1, 0);
    if (length <= 0) die("schedstat");
    text[length] = 0;
    return atoll(text);
}

/* The schedstat file of a core's ksoftirqd. */
static int softirqd_of(int core) {
    char name[32], wanted[32], path[64];
    snprintf(wanted, sizeof wanted, "ksoftirqd/%d\n", core);
    for (int pid = 2; pid < 4096; pid++) {
        snprintf(path, sizeof path, "/proc/%d/comm", pid);
        FILE *comm = fopen(path, "r");
        if (comm == NULL) continue;
        int found = fgets(name, sizeof name, comm) != NULL && strcmp(name, wanted) == 0;
        fclose(comm);
        if (!found) continue;
        snprintf(path, sizeof path, "/proc/%d/schedstat", pid);
        return open(path, O_RDONLY);
    }
    fprintf(stderr, "no ksoftirqd/%d\n", core);
    exit(1);
}

int main(int argc, char **argv) {
    if (argc != 5) {
        fprintf(stderr, "usage: sender DEVICE DESTINATION_MAC FLOWS turn|random\n");
        return 2;
    }
    uint32_t flows = (uint32_t)atol(argv[3]);
    int random_order = strcmp(argv[4], "random") == 0;
    unsigned char ethernet[12] = {0};
    if (sscanf(argv[2], "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", ethernet, ethernet + 1, ethernet + 2, ethernet + 3, ethernet + 4,
               ethernet + 5) != 6)
        die("DESTINATION_MAC");
    ethernet[6] = 2;
    ethernet[11] = 1;

    int core = sched_getcpu();
    cpu_set_t cores;
    CPU_ZERO(&cores);
    CPU_SET(core, &cores);
    if (sched_setaffinity(0, sizeof cores, &cores) != 0) die("sched_setaffinity");
    int schedstat = softirqd_of(core);

    int fd = socket(AF_PACKET, SOCK_RAW, 0);
    if (fd < 0) die("socket");
    int on = 1;
    if (setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &on, sizeof on) != 0) die("PACKET_QDISC_BYPASS");
    struct sockaddr_ll to = {.sll_family = AF_PACKET, .sll_protocol = 0, .sll_ifindex = (int)if_nametoindex(argv[1])};
    if (to.sll_ifindex == 0 || bind(fd, (struct sockaddr *)&to, sizeof to) != 0) die(argv[1]);

    unsigned char *frames = malloc((size_t)flows * FRAME);
    uint32_t *order = malloc((size_t)flows * sizeof *order);
    if (frames == NULL || order == NULL) die("malloc");
    for (uint32_t i = 0; i < flows; i++) {
        memcpy(frames + (size_t)i * FRAME, ethernet, sizeof ethernet);
        make_frame(frames + (size_t)i * FRAME, i);
        order[i] = i;
    }
    uint32_t state = 1;
    for (uint32_t i = flows - 1; random_order && i > 0; i--) {
        state = state * 1664525u + 1013904223u;
        uint32_t j = (uint32_t)(((uint64_t)state * (i + 1)) >> 32), kept = order[i];
        order[i] = order[j];
        order[j] = kept;
    }

    struct mmsghdr messages[BATCH];
    struct iovec parts[BATCH];
    memset(messages, 0, sizeof messages);
    for (int i = 0; i < BATCH; i++) {
        parts[i].iov_len = FRAME;
        messages[i].msg_hdr.msg_iov = &parts[i];
        messages[i].msg_hdr.msg_iovlen = 1;
    }
    uint32_t next = 0;
    long wanted;
    while (scanf("%ld", &wanted) == 1) {
        long sent = 0;
        long long began = thread_time() + run_time(schedstat);
        while (sent < wanted) {
            int count = wanted - sent < BATCH ? (int)(wanted - sent) : BATCH;
            for (int i = 0; i < count; i++) {
                parts[i].iov_base = frames + (size_t)order[next] * FRAME;
                if (++next == flows) next = 0;
            }
            int done = sendmmsg(fd, messages, (unsigned)count, 0);
            if (done < 0) die("sendmmsg");
            sent += done;
        }
        printf("%ld %lld\n", sent, thread_time() + run_time(schedstat) - began);
        fflush(stdout);
    }
    return 0;
}
