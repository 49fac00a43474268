/* Errors as text. */
#include "private.h"

#include <rt/call.h>

const char *
vfs_error_text(int64_t error)
{
    switch (error) {
#define VFS_ERR_TEXT(name, value, text) \
    case (value): return "VFS_E_" #name ": " text;
        VFS_ERRORS(VFS_ERR_TEXT)
#undef VFS_ERR_TEXT
    default: return exo_error_text(error);
    }
}
