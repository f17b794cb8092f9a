"""Forms as a browser sends them from a page of ours."""

import re

FROM_US = {"Sec-Fetch-Site": "same-origin"}


def send(client, path, shown=(), /, **typed):
    """`shown`: what fields() found; `typed` goes over it."""
    return client.post(path, data={**dict(shown), **typed}, headers=FROM_US)


def fields(html, action):
    """The hidden fields, and what the others hold, of the form that leads to `action`; without
    the token of the session, which clients of api_kit send as a header."""
    form = re.search(
        rf'<form method="post" action="{re.escape(action)}".*?</form>', html, re.DOTALL
    )
    assert form, f"no form leads to {action}"
    found = {}
    for tag in re.findall(r"<input [^>]*>", form[0]):
        name, value = re.search(r'name="([^"]*)"', tag), re.search(r'value="([^"]*)"', tag)
        if "checkbox" not in tag:
            found[name[1]] = value[1] if value else ""
    assert found.pop("csrf"), f"the form to {action} has no token"
    return found


def german(home, said):
    """Into a station's home a language of its own: {English: German}."""
    entries = [f'msgid "{english}"\nmsgstr "{text}"\n' for english, text in said.items()]
    head = 'msgid ""\nmsgstr "Content-Type: text/plain; charset=utf-8\\n"\n'
    folder = home / "languages"
    folder.mkdir()
    (folder / "de.po").write_text("\n".join([head, *entries]))


def refused(answer, status, sentence):
    """The page again, with one sentence about what was wrong."""
    assert answer.status_code == status, answer.text
    alert = re.search(r'role="alert"[^>]*>([^<]*)<', answer.text)
    assert alert and sentence in alert[1], alert and alert[1]
