/* python/gil.c - The hook that lets go of the GIL before the loop sleeps. */
#include "python/gil.h"

static void on_poll(struct fr_poll_hook *hook, bool sleep)
{
    struct fr_gil *gil = FR_LIST_OWNER(hook, struct fr_gil, hook);
    bool keep = !sleep && gil->wanted;
    gil->wanted = false;
    if (!keep && gil->resting == NULL)
        gil->resting = PyEval_SaveThread();
}

void fr_gil_open(struct fr_gil *gil, struct fr_loop *loop)
{
    gil->hook.before_poll = on_poll;
    gil->loop = loop;
    gil->resting = NULL;
    gil->wanted = false;
    gil->at_top = false;
    fr_loop_add_hook(loop, &gil->hook);
}

void fr_gil_close(struct fr_gil *gil)
{
    fr_gil_take(gil);
    fr_loop_remove_hook(gil->loop, &gil->hook);
}

void fr_gil_hold(struct fr_gil *gil)
{
    bool wanted = gil->wanted;
    fr_gil_take(gil);
    gil->wanted = wanted;
}
