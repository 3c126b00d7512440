"""The WebSocket echo of socketify's own interface, without ASGI: python socketify_echo.py PORT."""

import sys

from socketify import App, AppListenOptions, CompressOptions


def on_message(ws, message, opcode):
    ws.send(message, opcode)


def main():
    app = App()
    app.ws(
        "/*",
        {
            "compression": CompressOptions.DISABLED,
            "max_payload_length": 16 * 1024 * 1024,
            "idle_timeout": 120,
            "message": on_message,
        },
    )
    app.any("/*", lambda response, request: response.end("up"))
    app.listen(AppListenOptions(port=int(sys.argv[1]), host="127.0.0.1"))
    app.run()


main()
