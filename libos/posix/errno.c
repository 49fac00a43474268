/* Errors of the library OS as errno. */
#include "private.h"

#include <rt/call.h>

static const struct {
    int64_t error;
    int number;
} table[] = {
    {VFS_E_NONE, ENOENT},         {VFS_E_EXISTS, EEXIST},       {VFS_E_NOT_DIRECTORY, ENOTDIR},
    {VFS_E_IS_DIRECTORY, EISDIR}, {VFS_E_NOT_EMPTY, ENOTEMPTY}, {VFS_E_READONLY, EROFS},
    {VFS_E_DESCRIPTOR, EBADF},    {VFS_E_TOO_MANY, EMFILE},     {VFS_E_NAME, ENAMETOOLONG},
    {VFS_E_CANNOT, ESPIPE},       {VFS_E_SPACE, ENOSPC},        {VFS_E_MOUNTS, EXDEV},
    {VFS_E_BUSY, EBUSY},          {VFS_E_CORRUPT, EIO},         {VFS_E_ARGUMENT, EINVAL},
    {EXO_E_LIMIT, ENOMEM},        {EXO_E_MEMORY, ENOMEM},       {EXO_E_RANGE, ENOMEM},
    {EXO_E_WX, EACCES},           {EXO_E_ALIGN, EINVAL},        {EXO_E_ARG, EINVAL},
    {EXO_E_TIMEOUT, ETIMEDOUT},   {EXO_E_FAULT, EFAULT},
};

int
posix_errno(int64_t error)
{
    for (unsigned i = 0; i < sizeof(table) / sizeof(table[0]); i++)
        if (table[i].error == error)
            return table[i].number;
    return VFS_E_IS_ERRNO(error) ? (int)VFS_ERRNO_OF(error) : EIO;
}

int64_t
posix_result(int64_t status)
{
    if (status >= 0)
        return status;
    errno = posix_errno(status);
    return -1;
}
