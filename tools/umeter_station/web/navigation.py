"""What stands in the navigation: of all that there is, what the caller may see."""

from dataclasses import dataclass

from umeter_station.api.deps import Caller


def _(text: str) -> str:
    """Marks a text that the templates translate."""
    return text


@dataclass(frozen=True)
class Entry:
    """`scope` is the right that its page takes."""

    title: str
    path: str
    icon: str
    scope: str


PORTAL = (
    Entry(_("Overview"), "/home", "home", "own:read"),
    Entry(_("Usage"), "/home/usage", "chart", "own:read"),
    Entry(_("Top up"), "/home/top-up", "coin", "own:write"),
    Entry(_("Purchases"), "/home/purchases", "list", "own:read"),
    Entry(_("Settings"), "/home/settings", "gear", "own:read"),
)
CONSOLE = (
    Entry(_("Abnormal now"), "/console", "alert", "findings:read"),
    Entry(_("Meters"), "/console/meters", "grid", "meters:read"),
    Entry(_("Desk"), "/console/desk", "coin", "sales:read"),
    Entry(_("Shifts"), "/console/shifts", "list", "shifts:read"),
    Entry(_("Tenants"), "/console/tenants", "people", "tenants:read"),
    Entry(_("Tariffs"), "/console/tariffs", "tag", "tariffs:read"),
    Entry(_("Fleet"), "/console/fleet", "gear", "fleet:read"),
    Entry(_("Reconciliation"), "/console/reconciliation", "scale", "audit:read"),
    Entry(_("Approvals"), "/console/approvals", "check", "supply:write"),
    Entry(_("People"), "/console/people", "key", "people:read"),
    Entry(_("Acts"), "/console/acts", "book", "audit:read"),
    Entry(_("Exports"), "/console/exports", "down", "exports:read"),
)


def entries(who: Caller | None) -> list[Entry]:
    if who is None:
        return []
    return _open_to(who.scopes)


def _open_to(scopes: frozenset[str]) -> list[Entry]:
    return [entry for entry in PORTAL + CONSOLE if entry.scope in scopes]


def home_of(scopes: frozenset[str]) -> str:
    """Where somebody with these rights lands who has just signed in."""
    found = _open_to(scopes)
    return found[0].path if found else "/me"
