/* A plain C program over newlib, libos/posix and what is below it. */
#include "suite.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>
#include <vfs/vfs.h>
#include <vm/vm.h>

#define PAGE 4096u

/* --- newlib --------------------------------------------------------------------------------------
 */

static void
printf_formats(void)
{
    char text[128];
    check_equal(snprintf(text, sizeof(text), "%5.3f|%g|%e|%zu|%lld|%hhx|%s|%-4d|", 3.14159, 0.5,
                         12345.678, (size_t)7, -5ll, 0x1ff, "x", 42),
                38);
    check(strcmp(text, "3.142|0.5|1.234568e+04|7|-5|ff|x|42  |") == 0 ||
          (printf("# %s\n", text), false));
    double root = sqrt(2.0), read = 0;
    check_equal(sscanf("1.41421356237 junk", "%lf", &read), 1);
    check(fabs(root - read) < 1e-10);
    check_equal(strtol("-0x10", NULL, 0), -16);
}

static void
printf_reaches_the_console(void)
{
    check(printf("# printed by printf, %s\n", "in one line") > 0);
    check_equal(fflush(stdout), 0);
    check_equal(isatty(1), 1);
    check_equal(write(1, "# written\n", 10), 10);
}

static volatile int constructed;

__attribute__((constructor)) static void
construct(void)
{
    constructed = 1;
}

static void
constructors_have_run(void)
{
    check_equal(constructed, 1);
}

/* --- malloc --------------------------------------------------------------------------------------
 */

static void
malloc_gives_and_takes(void)
{
    enum { BLOCKS = 200 };
    static char *block[BLOCKS];
    for (unsigned round = 0; round < 5; round++) {
        for (unsigned i = 0; i < BLOCKS; i++) {
            size_t bytes = 1 + test_random() % 20000;
            block[i] = malloc(bytes);
            check(block[i] != NULL);
            memset(block[i], (int)i, bytes);
            block[i] = realloc(block[i], bytes + 5000);
            check(block[i] != NULL && block[i][bytes - 1] == (char)i);
        }
        for (unsigned i = 0; i < BLOCKS; i++)
            free(block[(i * 7 + round) % BLOCKS]);
    }
    void *aligned = NULL;
    check_equal(posix_memalign(&aligned, 4096, 100), 0);
    check_equal((uintptr_t)aligned % 4096, 0);
    free(aligned);
}

static void
malloc_fails_at_its_limit(void)
{
    void *volatile memory; /* or the compiler has no need of it */
    errno = 0;
    memory = malloc(1u << 30);
    check(memory == NULL);
    check_equal(errno, ENOMEM);
    memory = malloc(1000);
    check(memory != NULL);
    free(memory);
}

/* --- Files ---------------------------------------------------------------------------------------
 */

static void
files_keep_what_is_written(void)
{
    char line[64];
    FILE *file = fopen("/notes.txt", "w+");
    check(file != NULL);
    for (int i = 0; i < 1000; i++)
        check(fprintf(file, "line %d\n", i) > 0);
    check_equal(ftell(file), 8890);
    rewind(file);
    for (int i = 0; i < 500; i++)
        check(fgets(line, sizeof(line), file) != NULL);
    check(strcmp(line, "line 499\n") == 0);
    check_equal(fclose(file), 0);
    struct stat status;
    check_equal(stat("/notes.txt", &status), 0);
    check_equal(status.st_size, 8890);
    check(S_ISREG(status.st_mode));
    check_equal(unlink("/notes.txt"), 0);
    check_equal(stat("/notes.txt", &status), -1);
    check_equal(errno, ENOENT);
}

static void
positions_holes_and_truncation(void)
{
    char bytes[16] = "";
    struct stat status;
    int fd = open("/sparse", O_RDWR | O_CREAT | O_EXCL, 0600);
    check(fd >= 0);
    check_equal(open("/sparse", O_RDWR | O_CREAT | O_EXCL, 0600), -1);
    check_equal(errno, EEXIST);
    check_equal(lseek(fd, 100000, SEEK_SET), 100000);
    check_equal(write(fd, "end", 3), 3);
    check_equal(pread(fd, bytes, 4, 50000), 4);
    check_equal(memcmp(bytes, "\0\0\0\0", 4), 0);
    check_equal(pread(fd, bytes, 16, 99999), 4);
    check_equal(memcmp(bytes, "\0end", 4), 0);
    check_equal(read(fd, bytes, 4), 0);
    check_equal(ftruncate(fd, 100001), 0);
    check_equal(ftruncate(fd, 100003), 0);
    check_equal(pread(fd, bytes, 3, 100000), 3);
    check_equal(memcmp(bytes, "e\0\0", 3), 0);
    check_equal(lseek(fd, -3, SEEK_END), 100000);
    check_equal(lseek(fd, -4, SEEK_SET), -1);
    check_equal(errno, EINVAL);
    int copy = dup(fd);
    check_equal(lseek(copy, 0, SEEK_CUR), 100000); /* one position */
    check_equal(close(fd), 0);
    check_equal(unlink("/sparse"), 0); /* open still */
    check_equal(fstat(copy, &status), 0);
    check_equal(status.st_nlink, 0);
    check_equal(pwrite(copy, "x", 1, 0), 1);
    check_equal(close(copy), 0);
    check_equal(close(copy), -1);
    check_equal(errno, EBADF);
}

static void
append_writes_at_the_end(void)
{
    int one = open("/log", O_WRONLY | O_CREAT | O_APPEND, 0600), two = open("/log", O_RDWR, 0);
    check_equal(write(two, "abc", 3), 3);
    check_equal(write(one, "def", 3), 3);
    check_equal(write(two, "X", 1), 1);
    char bytes[8];
    check_equal(pread(two, bytes, 8, 0), 6);
    check_equal(memcmp(bytes, "abcXef", 6), 0);
    check_equal(read(one, bytes, 1), -1);
    check_equal(errno, EBADF);
    check_equal(close(one), 0);
    check_equal(close(two), 0);
    check_equal(unlink("/log"), 0);
}

static unsigned
names_in(const char *path)
{
    unsigned count = 0;
    DIR *directory = opendir(path);
    check(directory != NULL);
    while (readdir(directory) != NULL)
        count++;
    check_equal(closedir(directory), 0);
    return count;
}

static void
directories_hold_names(void)
{
    char here[64];
    check_equal(mkdir("/a", 0700), 0);
    check_equal(mkdir("/a", 0700), -1);
    check_equal(errno, EEXIST);
    check_equal(mkdir("/none/b", 0700), -1);
    check_equal(errno, ENOENT);
    check_equal(mkdir("/a/b", 0700), 0);
    check_equal(chdir("/a/./b/.."), 0);
    check(getcwd(here, sizeof(here)) == here && strcmp(here, "/a") == 0);
    int fd = open("../a//file", O_RDWR | O_CREAT, 0600);
    check(fd >= 0);
    check_equal(close(fd), 0);
    check_equal(names_in("."), 2);
    check_equal(open("file/x", O_RDONLY, 0), -1);
    check_equal(errno, ENOTDIR);
    check_equal(open("b", O_WRONLY, 0), -1);
    check_equal(errno, EISDIR);
    check_equal(rmdir("/a"), -1);
    check_equal(errno, ENOTEMPTY);
    check_equal(unlink("b"), -1);
    check_equal(errno, EISDIR);
    check_equal(rename("file", "b/moved"), 0);
    check_equal(names_in("."), 1);
    check_equal(names_in("b"), 1);
    check_equal(rename("/a", "/a/b/c"), -1);
    check_equal(errno, EINVAL);
    check_equal(unlink("b/moved"), 0);
    check_equal(rmdir("b"), 0);
    check_equal(chdir("/"), 0);
    check_equal(rmdir("/a"), 0);
}

static void
rename_replaces_a_file(void)
{
    FILE *one = fopen("/one", "w"), *two = fopen("/two", "w+");
    check(one != NULL && two != NULL);
    check(fputs("new", one) >= 0);
    check(fputs("old", two) >= 0);
    check_equal(fclose(one), 0);
    check_equal(rename("/one", "/two"), 0);
    rewind(two);
    char text[8] = "";
    check(fgets(text, sizeof(text), two) != NULL && strcmp(text, "old") == 0); /* still open */
    check_equal(fclose(two), 0);
    two = fopen("/two", "r");
    check(two != NULL && fgets(text, sizeof(text), two) != NULL && strcmp(text, "new") == 0);
    check_equal(fclose(two), 0);
    check_equal(access("/one", F_OK), -1);
    check_equal(unlink("/two"), 0);
}

static void
descriptors_are_limited_and_come_back(void)
{
    int fd, most = -1;
    check_equal(close(open("/many", O_RDWR | O_CREAT, 0600)), 0);
    while ((fd = open("/many", O_RDONLY, 0)) >= 0)
        most = fd;
    check_equal(errno, EMFILE);
    check_equal(most, VFS_FILES_MAX - 1);
    for (fd = 3; fd <= most; fd++)
        check_equal(close(fd), 0);
    check_equal(open("/many", O_RDONLY, 0), 3); /* the lowest */
    check_equal(close(3), 0);
    check_equal(unlink("/many"), 0);
}

/* --- The packed image ----------------------------------------------------------------------------
 */

static void
packed_files_can_be_read_and_nothing_else(void)
{
    char text[32] = "";
    FILE *file = fopen("/rom/posix_preemptive.libos", "r");
    check(file != NULL);
    check(fgets(text, sizeof(text), file) != NULL);
    check(strcmp(text, "# A C program with threads\n") == 0);
    check_equal(fclose(file), 0);
    check_equal(open("/rom/posix_preemptive.libos", O_WRONLY, 0), -1);
    check_equal(errno, EROFS);
    check_equal(open("/rom/new", O_RDWR | O_CREAT, 0600), -1);
    check_equal(errno, EROFS);
    check_equal(unlink("/rom/posix_preemptive.libos"), -1);
    check_equal(errno, EROFS);
    check_equal(open("/rom/none", O_RDONLY, 0), -1);
    check_equal(errno, ENOENT);
    check_equal(rename("/rom/posix_preemptive.libos", "/x"), -1);
    check_equal(errno, EXDEV);
    check_equal(rmdir("/rom"), -1);
    check_equal(errno, EBUSY);
    check(names_in("/rom") >= 4);
}

/* --- mmap ----------------------------------------------------------------------------------------
 */

static void
mapped_file_shows_its_bytes(void)
{
    int fd = open("/map", O_RDWR | O_CREAT, 0600);
    check_equal(pwrite(fd, "hello", 5, PAGE), 5);
    char *at = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
    check(at != MAP_FAILED);
    check_equal(close(fd), 0);
    check_equal(memcmp(at + PAGE, "hello\0\0", 7), 0);
    at[PAGE] = 'j';
    check_equal(memcmp(at + PAGE, "jello", 5), 0);
    check_equal(munmap(at, 2 * PAGE), 0);
    fd = open("/map", O_RDONLY, 0);
    char bytes[5];
    check_equal(pread(fd, bytes, 5, PAGE), 5);
    check_equal(memcmp(bytes, "hello", 5), 0);
    check(mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED);
    check_equal(errno, ENODEV);
    check(mmap(NULL, 0, PROT_READ, MAP_PRIVATE, fd, 0) == MAP_FAILED);
    check_equal(errno, EINVAL);
    check(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, 99, 0) == MAP_FAILED);
    check_equal(errno, EBADF);
    check_equal(close(fd), 0);
    check_equal(unlink("/map"), 0);
}

static void
anonymous_memory_is_mapped_and_advised(void)
{
    char *at = mmap(NULL, 8 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    check(at != MAP_FAILED);
    at[5 * PAGE] = 1;
    check_equal(madvise(at, 8 * PAGE, MADV_DONTNEED), 0);
    check_equal(at[5 * PAGE], 0);
    check_equal(madvise(at, 8 * PAGE, MADV_WILLNEED), 0);
    check_equal(mprotect(at, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC), -1);
    check_equal(errno, EACCES);
    check_equal(mprotect(at, PAGE, PROT_READ), 0);
    check_equal(munmap(at, 8 * PAGE), 0);
    check_equal(mprotect(at, PAGE, PROT_READ), -1);
    check_equal(errno, ENOMEM);
    check_equal(munmap(at + 1, PAGE), -1);
    check_equal(errno, EINVAL);
}

/* --- Time ----------------------------------------------------------------------------------------
 */

static void
clocks_go_forward(void)
{
    struct timespec before, after, day;
    struct timeval time;
    check_equal(clock_gettime(CLOCK_MONOTONIC, &before), 0);
    check_equal(usleep(2000), 0);
    check_equal(clock_gettime(CLOCK_MONOTONIC, &after), 0);
    int64_t ns = (after.tv_sec - before.tv_sec) * 1000000000ll + after.tv_nsec - before.tv_nsec;
    check(ns >= 2000000);
    check_equal(clock_gettime(CLOCK_REALTIME, &day), 0);
    check(day.tv_sec > 1600000000); /* the host's clock is behind no such day */
    check_equal(gettimeofday(&time, NULL), 0);
    check_equal(clock_gettime(CLOCK_REALTIME, &after), 0);
    check(time.tv_sec >= day.tv_sec && time.tv_sec <= after.tv_sec);
    check_equal(clock_gettime((clockid_t)99, &day), -1);
    check_equal(errno, EINVAL);
}

/* --- Threads -------------------------------------------------------------------------------------
 */

#define THREADS 6u

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
static pthread_key_t key;
static unsigned sum, destroyed;

static void
count_destroyed(void *value)
{
    check(value != NULL);
    pthread_mutex_lock(&mutex);
    destroyed++;
    pthread_mutex_unlock(&mutex);
}

static void *
work(void *argument)
{
    char path[32], text[32];
    snprintf(path, sizeof(path), "/thread-%u", (unsigned)(uintptr_t)argument);
    check_equal(pthread_setspecific(key, path), 0);
    for (unsigned i = 0; i < 20; i++) {
        errno = (int)(uintptr_t)argument;
        FILE *file = fopen(path, "w+");
        check(file != NULL);
        fprintf(file, "%s %u %.2f", path, i, i / 3.0);
        rewind(file);
        check(fgets(text, sizeof(text), file) != NULL && strncmp(text, path, strlen(path)) == 0);
        check_equal(fclose(file), 0);
        void *memory = calloc(1, 100 + i * 300);
        check(memory != NULL);
        pthread_mutex_lock(&mutex);
        sum++;
        pthread_mutex_unlock(&mutex);
        free(memory);
        check_equal(open("/none", O_RDONLY, 0), -1);
        sched_yield();
        check_equal(errno, ENOENT); /* nobody else's */
    }
    check_equal(unlink(path), 0);
    pthread_cond_signal(&condition);
    return argument;
}

static void
threads_share_files_and_heap(void)
{
    pthread_t thread[THREADS];
    sum = destroyed = 0;
    check_equal(pthread_key_create(&key, count_destroyed), 0);
    for (uintptr_t i = 0; i < THREADS; i++)
        check_equal(pthread_create(&thread[i], NULL, work, (void *)(i + 1)), 0);
    pthread_mutex_lock(&mutex);
    while (sum < THREADS * 20)
        pthread_cond_wait(&condition, &mutex);
    pthread_mutex_unlock(&mutex);
    for (uintptr_t i = 0; i < THREADS; i++) {
        void *result = NULL;
        check_equal(pthread_join(thread[i], &result), 0);
        check(result == (void *)(i + 1));
    }
    check_equal(destroyed, THREADS);
    check_equal(pthread_key_delete(key), 0);
}

static void *
leave(void *argument)
{
    pthread_mutex_lock(&mutex);
    sum++;
    pthread_mutex_unlock(&mutex);
    if (argument != NULL)
        pthread_exit(argument);
    return NULL;
}

static void
detached_threads_leave_nothing(void)
{
    pthread_attr_t attributes;
    sum = 0;
    check_equal(pthread_attr_init(&attributes), 0);
    check_equal(pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED), 0);
    check_equal(pthread_attr_setstacksize(&attributes, 65536), 0);
    char *before = NULL;
    uint64_t resident = 0;
    for (unsigned i = 0; i < 400; i++) {
        pthread_t thread;
        before = i == 20 ? sbrk(0) : before;
        resident = i == 20 ? vm_counts().resident_pages : resident;
        check_equal(pthread_create(&thread, &attributes, leave, i % 2 ? &sum : NULL), 0);
        while (true) {
            pthread_mutex_lock(&mutex);
            bool done = sum == i + 1;
            pthread_mutex_unlock(&mutex);
            if (done)
                break;
            sched_yield();
        }
    }
    check((char *)sbrk(0) <= before + 16384);
    check(vm_counts().resident_pages <= resident + 40);
}

static void
mutex_types_differ(void)
{
    pthread_mutexattr_t type;
    pthread_mutex_t recursive, checked;
    pthread_mutexattr_init(&type);
    check_equal(pthread_mutexattr_settype(&type, PTHREAD_MUTEX_RECURSIVE), 0);
    check_equal(pthread_mutex_init(&recursive, &type), 0);
    check_equal(pthread_mutexattr_settype(&type, PTHREAD_MUTEX_ERRORCHECK), 0);
    check_equal(pthread_mutex_init(&checked, &type), 0);
    check_equal(pthread_mutex_lock(&recursive), 0);
    check_equal(pthread_mutex_lock(&recursive), 0);
    check_equal(pthread_mutex_unlock(&recursive), 0);
    check_equal(pthread_mutex_unlock(&recursive), 0);
    check_equal(pthread_mutex_unlock(&recursive), EPERM);
    check_equal(pthread_mutex_lock(&checked), 0);
    check_equal(pthread_mutex_lock(&checked), EDEADLK);
    check_equal(pthread_mutex_unlock(&checked), 0);
    struct timespec past = {1, 0};
    pthread_mutex_lock(&mutex);
    check_equal(pthread_cond_timedwait(&condition, &mutex, &past), ETIMEDOUT);
    pthread_mutex_unlock(&mutex);
}

static const struct test tests[] = {
    TEST(printf_formats),
    TEST(printf_reaches_the_console),
    TEST(constructors_have_run),
    TEST(malloc_gives_and_takes),
    TEST(malloc_fails_at_its_limit),
    TEST(files_keep_what_is_written),
    TEST(positions_holes_and_truncation),
    TEST(append_writes_at_the_end),
    TEST(directories_hold_names),
    TEST(rename_replaces_a_file),
    TEST(descriptors_are_limited_and_come_back),
    TEST(packed_files_can_be_read_and_nothing_else),
    TEST(mapped_file_shows_its_bytes),
    TEST(anonymous_memory_is_mapped_and_advised),
    TEST(clocks_go_forward),
    TEST(threads_share_files_and_heap),
    TEST(detached_threads_leave_nothing),
    TEST(mutex_types_differ),
};

int
posix_suite(void)
{
    return test_main_libos(tests, sizeof(tests) / sizeof(tests[0]));
}
