/* IPv4 addresses as people write them. */
#ifndef NET_IP4_H
#define NET_IP4_H

#include <stdbool.h>
#include <stdint.h>

/* Four decimal numbers of at most three digits with dots between, and nothing else. */
bool ip4_parse(const char *text, uint8_t ip[4]);

#endif
