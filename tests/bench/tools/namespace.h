/* Into the network namespace of a run-qemu whose NIC is on a tap device. */
#pragma once

#include <fcntl.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

static inline bool
enter_one(const char *pid, const char *kind, int type)
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/%s/ns/%s", pid, kind);
    int file = open(path, O_RDONLY | O_CLOEXEC);
    bool entered = file >= 0 && setns(file, type) == 0;
    if (file >= 0)
        close(file);
    return entered;
}

/* That of process `pid`. It belongs to a user namespace of run-qemu's own when that is not root. */
static inline bool
enter_namespace(const char *pid)
{
    return enter_one(pid, "net", CLONE_NEWNET) ||
           (enter_one(pid, "user", CLONE_NEWUSER) && enter_one(pid, "net", CLONE_NEWNET));
}
