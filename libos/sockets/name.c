/* <netdb.h>: lwIP's resolver under POSIX's names. */
#include <netdb.h>

int
getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
            struct addrinfo **result)
{
    return lwip_getaddrinfo(node, service, hints, result);
}

void
freeaddrinfo(struct addrinfo *result)
{
    lwip_freeaddrinfo(result);
}

const char *
gai_strerror(int error)
{
    switch (error) {
    case 0: return "no error";
    case EAI_NONAME: return "the name or service is not known";
    case EAI_SERVICE: return "the service is not a number";
    case EAI_FAIL: return "no server could say";
    case EAI_MEMORY: return "there is no memory";
    case EAI_FAMILY: return "no such family of addresses";
    default: return "an error that is not known";
    }
}
