"""Notes on a page, with Flask: `pip install flask`, then `freastal --app-dir examples flask_notes:app`.

With --workers 2 each worker has notes of its own: they are kept in memory. A database is what a real site has.
"""

from __future__ import annotations

import flask

app = flask.Flask(__name__)
notes: list[str] = []

PAGE = """<!doctype html>
<title>Notes</title>
<form method="post"><input name="note" autofocus> <button>Keep</button></form>
<ul>{% for note in notes %}<li>{{ note }}</li>{% endfor %}</ul>
<p><a href="{{ url_for('download') }}">Download</a></p>
"""


@app.get("/")
def show() -> str:
    return flask.render_template_string(PAGE, notes=notes)


@app.post("/")
def keep() -> flask.typing.ResponseReturnValue:
    notes.append(flask.request.form["note"])
    return flask.redirect(flask.url_for("show"), code=303)


@app.get("/notes.txt")
def download() -> flask.Response:
    """A generator: each line leaves before the next is made."""
    return flask.Response((f"{note}\n" for note in notes), mimetype="text/plain")
