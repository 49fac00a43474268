/* A program without a libOS configuration: nothing but rt, and main(). */
#include <rt/start.h>

int
rt_main(void)
{
    return main();
}
