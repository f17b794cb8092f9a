"""What each role may do, as scopes: "area:read" and "area:write".

People have the scopes of their role, machines those that their API key was given. `own` is what a
tenant may do, with the channels that he or she has, and with no other.
"""

ROLES = ("owner", "operator", "cashier", "auditor", "tenant")
# Who may decide what needs a second person.
APPROVERS = ("owner", "operator")

AREAS = (
    "meters",
    "readings",
    "orders",
    "settings",
    "supply",
    "sales",
    "refunds",
    "shifts",
    "tariffs",
    "findings",
    "tenants",
    "people",
    "audit",
    "exports",
    "metrics",
    "fleet",
    "phone",
    "hooks",
    "own",
)


def _scopes(actions: str, *areas: str) -> frozenset[str]:
    return frozenset(f"{area}:{action}" for area in areas for action in actions.split())


ALL = _scopes("read write", *AREAS)
_OWN = _scopes("read write", "own")

SCOPES: dict[str, frozenset[str]] = {
    "owner": ALL - _OWN,
    # Not people and keys: nobody makes an operator but the owner.
    "operator": ALL - _OWN - {"people:write"},
    "cashier": _scopes("read write", "sales", "refunds", "shifts")
    | _scopes("read", "meters", "readings", "tariffs", "tenants", "orders"),
    "auditor": _scopes("read", *AREAS) - _OWN,
    "tenant": _OWN,
}
# An API key is not a tenant, and makes neither people nor other keys.
KEY_SCOPES = ALL - _OWN - {"people:write"}


def scopes_of(role: str) -> frozenset[str]:
    return SCOPES.get(role, frozenset())
