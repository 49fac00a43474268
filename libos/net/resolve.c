/* Names to addresses: lwIP's resolver, with the errors of everything else here. */
#include <net/stack.h>

#include <lwip/dns.h>

int64_t
stack_resolve(const char *name, ip_addr_t *address, stack_resolved *resolved, void *context)
{
    switch (
        dns_gethostbyname_addrtype(name, address, resolved, context, LWIP_DNS_ADDRTYPE_IPV4_IPV6)) {
    case ERR_OK: return EXO_OK;
    case ERR_INPROGRESS: return EXO_E_AGAIN;
    case ERR_VAL: return EXO_E_STATE;
    case ERR_MEM: return EXO_E_LIMIT;
    default: return EXO_E_ARG;
    }
}
