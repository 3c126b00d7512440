"""Which of CPython's asyncio tests do not apply to freastal.EventLoop, and why. Patterns of Class.method, by module."""

from __future__ import annotations

_QUEUE = "looks into _ready and _scheduled, BaseEventLoop's own queues; ours are in the core"
_SELECTOR = "gives the loop a selector that is a mock, and counts what is asked of it; ours has no selector"
_BASE = "expects BaseEventLoop to lack what its subclasses add"

NOT_OURS: dict[str, dict[str, str]] = {
    "test_base_events": {
        "BaseEventLoopTests.test_not_implemented": _BASE,
        "BaseEventLoopTests.test__add_callback_handle": _QUEUE,
        "BaseEventLoopTests.test_call_soon": _QUEUE,
        "BaseEventLoopTests.test_call_later": _QUEUE,
        "BaseEventLoopTests.test__run_once": _SELECTOR,
        "BaseEventLoopTests.test__run_once_*": _SELECTOR,
        "BaseEventLoopTests.test_single_selecter_event_callback_after_stopping": _SELECTOR,
        "BaseEventLoopTests.test_custom_run_forever_integration": _SELECTOR,
        "BaseEventLoopTests.test_run_forever_pre_stopped": _SELECTOR,
        "BaseLoopSockSendfileTests.test__sock_sendfile_native_failure": _BASE,
        "BaseLoopSockSendfileTests.test_sock_sendfile_no_fallback": _BASE,
    },
}
