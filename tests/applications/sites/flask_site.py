"""A Flask application that uses what real ones use: forms, sessions, uploads, streams, files, errors."""

from __future__ import annotations

import hashlib
import os
from typing import Any

import flask

app = flask.Flask(__name__)
app.secret_key = "only for tests"
app.config["MAX_CONTENT_LENGTH"] = 100 << 20


@app.get("/")
def index() -> str:
    return flask.render_template_string(
        "<title>Café</title><h1>Hello {{ name }}</h1>", name=flask.request.args.get("name", "<world>")
    )


@app.get("/pages/<path:page>/<int:number>")
def page(page: str, number: int) -> dict[str, Any]:
    return {"page": page, "number": number, "url": flask.url_for("page", page=page, number=number, _external=True)}


@app.post("/form")
def form() -> dict[str, Any]:
    return {name: flask.request.form.getlist(name) for name in flask.request.form}


@app.post("/json")
def json() -> Any:
    return flask.jsonify(received=flask.request.get_json())


@app.post("/login")
def login() -> Any:
    flask.session["user"] = flask.request.form["user"]
    return flask.redirect(flask.url_for("whoami"), code=303)


@app.get("/whoami")
def whoami() -> Any:
    if "user" not in flask.session:
        flask.abort(401)
    return {"user": flask.session["user"]}


@app.post("/logout")
def logout() -> Any:
    flask.session.clear()
    response = flask.redirect(flask.url_for("index"))
    response.set_cookie("farewell", "yes")
    response.set_cookie("again", "soon")
    return response


@app.get("/count")
def count() -> flask.Response:
    def lines() -> Any:
        for number in range(int(flask.request.args["to"])):
            yield f"{number}\n"

    return flask.Response(flask.stream_with_context(lines()), mimetype="text/plain")


@app.post("/upload")
def upload() -> dict[str, Any]:
    file = flask.request.files["file"]
    content = file.stream.read()
    return {
        "name": file.filename,
        "type": file.mimetype,
        "bytes": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
        "note": flask.request.form.get("note"),
    }


@app.get("/file")
def file() -> flask.Response:
    """Sent through wsgi.file_wrapper, with an ETag, conditional and in ranges."""
    return flask.send_file(os.environ["FREASTAL_TEST_FILE"], mimetype="application/x-test", conditional=True)


@app.route("/verbs", methods=["GET", "PUT", "PATCH", "DELETE"])
def verbs() -> str:
    return flask.request.method


@app.delete("/nothing")
def nothing() -> tuple[str, int]:
    return "", 204


@app.get("/fail")
def fail() -> str:
    raise RuntimeError("the view failed")


@app.get("/fail-late")
def fail_late() -> flask.Response:
    def body() -> Any:
        yield "so far so good\n"
        raise RuntimeError("the stream failed")

    return flask.Response(body(), mimetype="text/plain")


@app.get("/seen")
def seen() -> dict[str, Any]:
    request = flask.request
    return {
        "host": request.host,
        "scheme": request.scheme,
        "path": request.path,
        "root": request.root_path,
        "query": request.query_string.decode(),
        "remote": request.remote_addr,
        "agent": request.user_agent.string,
        "cookies": request.cookies,
        "pid": os.getpid(),
    }
