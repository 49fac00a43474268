/* One thread: what the network wants, then one token for everybody who is being answered. */
#include "sockets.h"

#define TICK_MS 500 /* without an event: connections that time out */

bool
sockets_serve(struct sockets *sockets)
{
    for (bool busy = false; !sockets_are_over(sockets);) {
        nfds_t count = sockets_prepare(sockets);
        (void)poll(sockets->polls, count, busy ? 0 : TICK_MS);
        sockets_handle(sockets);
        busy = serve_step(sockets->options.serve);
    }
    return true;
}
