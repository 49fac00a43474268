/* A C program that talks to itself at 127.0.0.1 through the sockets API. */
#include "suite.h"

#include "test.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

#define BYTES  100000u /* many windows of TCP */
#define LIMIT  100     /* more sockets than there can be */
#define ROUNDS 3u

static struct sockaddr_in
here(uint16_t port)
{
    return (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static struct sockaddr *
plain(struct sockaddr_in *address)
{
    return (struct sockaddr *)(void *)address;
}

/* A listening socket, and its address. */
static int
listen_here(struct sockaddr_in *address)
{
    socklen_t length = sizeof(*address);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    *address = here(0);
    check(fd >= 0);
    check_equal(bind(fd, plain(address), length), 0);
    check_equal(listen(fd, 4), 0);
    check_equal(getsockname(fd, plain(address), &length), 0);
    check(address->sin_port != 0);
    return fd;
}

/* Two ends of one connection. */
struct ends {
    int near, far;
};

static struct ends
make_ends(void)
{
    struct sockaddr_in address;
    int listener = listen_here(&address);
    struct ends ends = {.near = socket(AF_INET, SOCK_STREAM, 0)};
    check_equal(connect(ends.near, plain(&address), sizeof(address)), 0);
    ends.far = accept(listener, NULL, NULL);
    check(ends.far >= 0);
    check_equal(close(listener), 0);
    return ends;
}

static void
close_ends(struct ends ends)
{
    check_equal(close(ends.near), 0);
    check_equal(close(ends.far), 0);
}

/* --- Streams -----------------------------------------------------------------------------------
 */

/* Sends everything back, until the other end has no more. */
static void *
echo(void *argument)
{
    char bytes[777];
    ssize_t count;
    int fd = *(int *)argument;
    while ((count = read(fd, bytes, sizeof(bytes))) > 0)
        for (ssize_t at = 0, done; at < count; at += done)
            if ((done = write(fd, bytes + at, (size_t)(count - at))) <= 0)
                return NULL;
    (void)shutdown(fd, SHUT_WR);
    return NULL;
}

static void *
send_all(void *argument)
{
    char bytes[1000];
    int fd = *(int *)argument;
    for (uint32_t at = 0; at < BYTES; at += sizeof(bytes)) {
        for (uint32_t i = 0; i < sizeof(bytes); i++)
            bytes[i] = (char)((at + i) * 31 >> 3);
        for (size_t done = 0; done < sizeof(bytes);) {
            ssize_t count = send(fd, bytes + done, sizeof(bytes) - done, 0);
            if (count <= 0)
                return NULL;
            done += (size_t)count;
        }
    }
    (void)shutdown(fd, SHUT_WR);
    return NULL;
}

/* One thread writes while another reads the same socket. */
static void
streams_carry_every_byte_both_ways_at_once(void)
{
    struct ends ends = make_ends();
    pthread_t echoing, sending;
    char bytes[1500];
    uint32_t at = 0;
    bool right = true;
    ssize_t count;
    check_equal(pthread_create(&echoing, NULL, echo, &ends.far), 0);
    check_equal(pthread_create(&sending, NULL, send_all, &ends.near), 0);
    while ((count = recv(ends.near, bytes, sizeof(bytes), 0)) > 0)
        for (ssize_t i = 0; i < count; i++, at++)
            right &= bytes[i] == (char)(at * 31 >> 3);
    check_equal(count, 0);
    check_equal(at, BYTES);
    check(right);
    check_equal(pthread_join(sending, NULL), 0);
    check_equal(pthread_join(echoing, NULL), 0);
    close_ends(ends);
}

static void
nobody_listens_is_an_error(void)
{
    struct sockaddr_in address;
    int listener = listen_here(&address), fd = socket(AF_INET, SOCK_STREAM, 0);
    check_equal(close(listener), 0);
    check_equal(connect(fd, plain(&address), sizeof(address)), -1);
    check_equal(errno, ECONNREFUSED);
    check_equal(close(fd), 0);
}

/* --- Descriptors -------------------------------------------------------------------------------
 */

static void
sockets_and_files_are_in_one_table(void)
{
    struct ends ends = make_ends();
    struct stat status;
    char byte = 0;
    int file = open("/file", O_RDWR | O_CREAT, 0644), other = dup(ends.near);
    check(file >= 0 && file != ends.near && file != ends.far);
    check_equal(fstat(ends.near, &status), 0);
    check(S_ISSOCK(status.st_mode));
    check_equal(lseek(ends.near, 0, SEEK_SET), -1);
    check_equal(errno, ESPIPE);
    check_equal(listen(file, 1), -1);
    check_equal(errno, ENOTSOCK);
    check_equal(close(ends.near), 0);
    check_equal(recv(ends.near, &byte, 1, 0), -1);
    check_equal(errno, EBADF);
    check_equal(write(other, "x", 1), 1); /* the connection lives as long as a descriptor of it */
    check_equal(read(ends.far, &byte, 1), 1);
    check_equal(byte, 'x');
    check_equal(close(other), 0);
    check_equal(read(ends.far, &byte, 1), 0);
    check_equal(close(ends.far), 0);
    check_equal(close(file), 0);
}

static void
too_many_are_refused_and_none_is_lost(void)
{
    int fds[LIMIT], most = 0;
    for (uint32_t round = 0; round < ROUNDS; round++) {
        int count = 0;
        while (count < LIMIT && (fds[count] = socket(AF_INET, SOCK_STREAM, 0)) >= 0)
            count++;
        check(count < LIMIT && count > 50);
        check(errno == ENFILE || errno == EMFILE || errno == ENOBUFS);
        check(round == 0 || count == most);
        most = count;
        while (count-- > 0)
            check_equal(close(fds[count]), 0);
    }
}

/* --- Not waiting --------------------------------------------------------------------------------
 */

static void
what_would_wait_says_so(void)
{
    struct sockaddr_in address;
    struct ends ends = make_ends();
    char bytes[4096] = {0};
    int listener = listen_here(&address);
    ssize_t sent = 0, count;
    check_equal(recv(ends.near, bytes, 1, MSG_DONTWAIT), -1);
    check_equal(errno, EAGAIN);
    check_equal(fcntl(ends.near, F_GETFL) & O_NONBLOCK, 0);
    check_equal(fcntl(ends.near, F_SETFL, O_NONBLOCK), 0);
    check_equal(fcntl(ends.near, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
    check_equal(read(ends.near, bytes, 1), -1);
    check_equal(errno, EAGAIN);
    while ((count = write(ends.near, bytes, sizeof(bytes))) > 0)
        sent += count; /* until the buffer is full */
    check_equal(errno, EAGAIN);
    check(sent >= 8192);
    check_equal(fcntl(listener, F_SETFL, O_NONBLOCK), 0);
    check_equal(accept(listener, NULL, NULL), -1);
    check_equal(errno, EAGAIN);
    check_equal(close(listener), 0);
    close_ends(ends);
}

static void *
write_later(void *argument)
{
    (void)usleep(20000);
    return (void *)(intptr_t)write(*(int *)argument, "x", 1);
}

static void
poll_knows_sockets_and_files(void)
{
    struct ends ends = make_ends();
    pthread_t writing;
    int file = open("/polled", O_RDWR | O_CREAT, 0644);
    struct pollfd polls[] = {{.fd = ends.near, .events = POLLIN},
                             {.fd = -1, .events = POLLIN},
                             {.fd = ends.far, .events = POLLIN}};
    check_equal(poll(polls, 3, 0), 0);
    check_equal(poll(polls, 3, 30), 0);
    check_equal(pthread_create(&writing, NULL, write_later, &ends.far), 0);
    check_equal(poll(polls, 3, -1), 1); /* it waits until then */
    check_equal(polls[0].revents, POLLIN);
    check_equal(polls[1].revents | polls[2].revents, 0);
    check_equal(pthread_join(writing, NULL), 0);
    polls[0].events = POLLIN | POLLOUT;
    polls[1] = (struct pollfd){.fd = file, .events = POLLIN};
    check_equal(poll(polls, 2, -1), 2);
    check_equal(polls[0].revents, POLLIN | POLLOUT);
    check_equal(polls[1].revents, POLLIN);
    check_equal(close(file), 0);
    check_equal(poll(polls, 2, -1), 2);
    check_equal(polls[1].revents, POLLNVAL);
    close_ends(ends);
}

/* --- Datagrams and names -------------------------------------------------------------------------
 */

static void
datagrams_arrive_whole_with_their_sender(void)
{
    struct sockaddr_in first = here(0), second = here(0), from;
    socklen_t length = sizeof(first);
    int one = socket(AF_INET, SOCK_DGRAM, 0), two = socket(AF_INET, SOCK_DGRAM, 0);
    char bytes[64];
    check_equal(bind(one, plain(&first), length), 0);
    check_equal(bind(two, plain(&second), length), 0);
    check_equal(getsockname(one, plain(&first), &length), 0);
    check_equal(getsockname(two, plain(&second), &length), 0);
    check_equal(sendto(one, "abc", 3, 0, plain(&second), length), 3);
    check_equal(sendto(one, "defg", 4, 0, plain(&second), length), 4);
    check_equal(recvfrom(two, bytes, sizeof(bytes), 0, plain(&from), &length), 3);
    check_equal(from.sin_port, first.sin_port);
    check_equal(from.sin_addr.s_addr, htonl(INADDR_LOOPBACK));
    check_equal(recv(two, bytes, sizeof(bytes), 0), 4);
    check_equal(memcmp(bytes, "defg", 4), 0);
    check_equal(close(one), 0);
    check_equal(close(two), 0);
}

static void
names_and_addresses(void)
{
    const struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM};
    struct addrinfo *found;
    struct sockaddr_in address;
    struct in_addr parsed;
    char text[INET_ADDRSTRLEN];
    check_equal(inet_pton(AF_INET, "10.0.2.15", &parsed), 1);
    check_equal(parsed.s_addr, htonl(0x0a00020f));
    check(inet_ntop(AF_INET, &parsed, text, sizeof(text)) == text);
    check(strcmp(text, "10.0.2.15") == 0);
    check_equal(inet_pton(AF_INET, "10.0.2.256", &parsed), 0);
    check_equal(getaddrinfo("localhost", "80", &hints, &found), 0);
    memcpy(&address, found->ai_addr, sizeof(address));
    check_equal(address.sin_addr.s_addr, htonl(INADDR_LOOPBACK));
    check_equal(address.sin_port, htons(80));
    freeaddrinfo(found);
    check_equal(getaddrinfo(NULL, NULL, &hints, &found), EAI_NONAME);
    check(gai_strerror(EAI_NONAME)[0] != '\0');
}

static const struct test tests[] = {
    TEST(streams_carry_every_byte_both_ways_at_once),
    TEST(nobody_listens_is_an_error),
    TEST(sockets_and_files_are_in_one_table),
    TEST(too_many_are_refused_and_none_is_lost),
    TEST(what_would_wait_says_so),
    TEST(poll_knows_sockets_and_files),
    TEST(datagrams_arrive_whole_with_their_sender),
    TEST(names_and_addresses),
};

int
sockets_suite(void)
{
    return test_main_libos(tests, sizeof(tests) / sizeof(tests[0]));
}
