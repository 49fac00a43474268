/* The text of each error, from the one list in exo/abi.h. */
#include <rt/call.h>

const char *
exo_error_text(int64_t status)
{
    switch (status) {
    case EXO_OK: return "EXO_OK";
#define ERROR_TEXT(name, value, text) \
    case EXO_E_##name: return "EXO_E_" #name ": " text;
        EXO_ERRORS(ERROR_TEXT)
#undef ERROR_TEXT
    default: return "not an error of the kernel";
    }
}
