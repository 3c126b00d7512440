/* python/gil.c - The hook that lets go of the GIL before the loop sleeps. */
#include "python/gil.h"

static void on_sleep(struct fr_sleep_hook *hook)
{
    struct fr_gil *gil = FR_LIST_OWNER(hook, struct fr_gil, hook);
    if (gil->resting == NULL)
        gil->resting = PyEval_SaveThread();
}

void fr_gil_open(struct fr_gil *gil, struct fr_loop *loop)
{
    gil->hook.before_sleep = on_sleep;
    gil->loop = loop;
    gil->resting = NULL;
    fr_loop_add_hook(loop, &gil->hook);
}

void fr_gil_close(struct fr_gil *gil)
{
    fr_gil_take(gil);
    fr_loop_remove_hook(gil->loop, &gil->hook);
}
