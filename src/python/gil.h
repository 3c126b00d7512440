/* python/gil.h - Who may touch Python objects, and when: the only place the GIL is mentioned.
 *
 * It is let go before the loop sleeps, by a hook, and taken back by the first callback of a batch that
 * needs Python: once per batch of events, not once per request. On a free-threaded build the same two
 * calls detach and attach the thread state, so that nobody who stops the world waits for a sleeper.
 *
 * A loop that has work in Python at every turn, and does not sleep, keeps it. Other threads get it as from any busy
 * thread: they ask after a whole switch interval (5 ms) in which nobody let go, and the next Python code that runs
 * obeys. To let go for an instant at every turn seems kinder and keeps them waiting for ever when they are slower to
 * wake up than we are to take it back, as on a machine with one processor.
 *
 * Every callback from the loop that touches a Python object begins with fr_gil_take. */
#ifndef FR_PYTHON_GIL_H
#define FR_PYTHON_GIL_H

#include "net/loop.h"
#include "python/compat.h"

struct fr_gil {
    struct fr_poll_hook hook;
    struct fr_loop *loop;
    PyThreadState *resting; /* the thread's state while it must not touch objects; else NULL */
    bool wanted;            /* some callback needed Python since the last poll */
    bool at_top; /* inside a turn of the loop, and no code of Python's is on the stack: a task may be stepped */
};

/* From now on `loop` sleeps without the GIL. To be called after everybody else has added their hooks. */
void fr_gil_open(struct fr_gil *gil, struct fr_loop *loop);

/* Undoes fr_gil_open; the GIL must be held. */
void fr_gil_close(struct fr_gil *gil);

/* Holds the GIL again, after a turn, for whoever turns the loop. */
void fr_gil_hold(struct fr_gil *gil);

/* Holds the GIL again; nothing when it is held already. */
static inline void fr_gil_take(struct fr_gil *gil);

/* ---- inline definitions ---- */

static inline void fr_gil_take(struct fr_gil *gil)
{
    gil->wanted = true;
    if (gil->resting != NULL) {
        PyThreadState *thread = gil->resting;
        gil->resting = NULL;
        PyEval_RestoreThread(thread);
    }
}

#endif
