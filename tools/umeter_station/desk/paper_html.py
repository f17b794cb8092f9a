"""A paper as one HTML page that needs nothing else, with its own print style."""

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
  table { width: 100%; border-collapse: collapse; }
  th, td { padding: .1em 0; vertical-align: top; font-weight: normal; text-align: left;
    overflow-wrap: anywhere; }
  td:last-child:not(:first-child) { text-align: right; padding-left: 1em; white-space: nowrap; }
  .big > * { font-weight: bold; font-size: 1.15em; }
  .rule td { border-top: 1px dashed #000; height: .3em; }
  @media print { body { margin: 0; } }
"""
_PAGE = """\
<!doctype html>
<html lang="en">
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
{% endif %}<table>
{% for line in paper.lines %}
{% if line.kind == "rule" %}<tr class="rule"><td colspan="2"></td></tr>
{% elif line.kind == "text" %}<tr><td colspan="2">{{ line.left }}</td></tr>
{% else %}<tr class="{{ line.kind }}"><th scope="row">{{ line.left }}</th>
<td>{{ line.right }}</td></tr>
{% endif %}{% endfor %}</table>
<footer>
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
