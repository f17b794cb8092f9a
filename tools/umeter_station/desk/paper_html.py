"""A paper as one HTML page that needs nothing else, with its own print style.

Each line is laid out by itself: a label has all the room that its own value leaves, whatever the
longest value is. A value breaks only where it would leave no room for a label.
"""

import jinja2

from umeter_station.desk.paper import Paper

STYLE = """\
  @page { size: 80mm auto; margin: 4mm; }
  body { font: 13px/1.45 ui-monospace, Menlo, Consolas, monospace; color: #000; background: #fff;
    max-width: 72mm; margin: 1em auto; font-variant-numeric: tabular-nums; }
  header, footer { text-align: center; overflow-wrap: anywhere; }
  h1 { font-size: 1.15em; margin: .4em 0; }
  .mark { border: 2px solid #000; text-align: center; font-weight: bold; letter-spacing: .2em;
    margin: .5em 0; }
  p { display: flex; gap: 0 1em; margin: .2em 0; }
  p > * { overflow-wrap: anywhere; min-width: 0; }
  p > :first-child { flex: 1; }
  p > :nth-child(2) { flex: none; max-width: 80%; text-align: right; }
  .big { font-weight: bold; font-size: 1.15em; }
  hr { border: 0; border-top: 1px dashed #000; margin: .5em 0; }
  @media print { body { margin: 0; } }
"""
_PAGE = """\
<!doctype html>
<html lang="{{ paper.lang }}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>{{ paper.title }}</title>
<style>{{ style | safe }}</style>
{% if script %}<script src="{{ script }}" defer></script>
{% endif %}</head>
<body>
<header>
{% for line in paper.header %}<div>{{ line }}</div>
{% endfor %}<h1>{{ paper.title }}</h1>
</header>
{% if paper.mark %}<div class="mark">{{ paper.mark }}</div>
{% endif %}{% for line in paper.lines %}
{% if line.kind == "rule" %}<hr>
{% elif line.kind == "text" %}<p><span>{{ line.left }}</span></p>
{% else %}<p class="{{ line.kind }}"><span>{{ line.left }}</span> <span>{{ line.right }}</span></p>
{% endif %}{% endfor %}<footer>
{% for line in paper.footer %}<div>{{ line }}</div>
{% endfor %}</footer>
</body>
</html>
"""
_template = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined).from_string(
    _PAGE
)


def render(paper: Paper, script: str = "") -> str:
    """`script`: the address of one that the page shall run, as to print itself."""
    return _template.render(paper=paper, style=STYLE, script=script)
