/* python/event_loop.h - What the rest of the folder sees of freastal.EventLoop: asyncio's loop on net/loop.
 *
 * The C type _core.EventLoop does what asyncio.BaseEventLoop does in Python for each callback: the queue of what is
 * ready, the heap of timers, readers and writers, one turn. freastal/_event_loop.py joins it with
 * asyncio.SelectorEventLoop, which brings transports, streams, subprocesses, executors and the rest. */
#ifndef FR_PYTHON_EVENT_LOOP_H
#define FR_PYTHON_EVENT_LOOP_H

#include "base/list.h"
#include "net/loop.h"
#include "python/gil.h"
#include "python/state.h"

/* The loop, and who holds the GIL in it, of an open freastal.EventLoop; false for any other object. */
bool fr_event_loop_is_ours(struct core_state *state, PyObject *object, struct fr_loop **loop, struct fr_gil **gil);

/* A worker that lives in a loop of ours; a part of that worker, zeroed. */
struct fr_event_loop_resident {
    struct fr_list node;
    PyObject *worker;
    bool is_held; /* the loop owns a reference */
};

/* `worker` lives in our loop `object` from now on, and closing the loop is refused until it has left. To be called
 * after the worker has added its hooks: what they take of the GIL is let go of before the loop sleeps. */
void fr_event_loop_enter(PyObject *object, struct fr_event_loop_resident *resident, PyObject *worker);
void fr_event_loop_leave(struct fr_event_loop_resident *resident);

/* The loop keeps the worker alive, as it keeps servers of asyncio's; until it is let go of, also when it has left. It
 * may be gone then. */
void fr_event_loop_hold(struct fr_event_loop_resident *resident);
void fr_event_loop_let_go(struct fr_event_loop_resident *resident);

/* Keeps a KeyboardInterrupt or SystemExit that came out of code of Python's inside a turn of our loop `object`: it
 * comes out of run_forever when the turn ends, which is soon. Takes over the reference; the first one counts. */
void fr_event_loop_interrupt(PyObject *object, PyObject *exception);

/* The first step of a task, caught on its way to the queue; both references are the catcher's. */
struct fr_event_loop_catch {
    PyObject *callback; /* NULL: nothing was caught */
    PyObject *context;
};

/* The next call_soon of our loop `object` is not queued but noted in `caught`, zeroed by the caller; NULL: no more. So
 * the first step of an asyncio.Task, which its constructor hands to call_soon, can be made at once, before Python 3.12
 * has eager tasks. */
void fr_event_loop_catch(PyObject *object, struct fr_event_loop_catch *caught);

/* call_soon(callback, argument, context=context) without going through Python; for our loop only. `argument` and
 * `context` may be NULL: none, and a copy of the current one. 0, or -1 and an exception. */
int fr_event_loop_call_soon(PyObject *object, PyObject *callback, PyObject *argument, PyObject *context);

#endif
