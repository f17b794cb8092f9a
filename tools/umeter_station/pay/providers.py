"""The providers that config.toml switches on, made once per station object."""

from weakref import WeakKeyDictionary

from umeter_station.clock import Clock
from umeter_station.config import Config
from umeter_station.db import Database
from umeter_station.errors import NotFound, StationError
from umeter_station.pay.provider import Provider
from umeter_station.pay.sandbox import Sandbox

_made: WeakKeyDictionary[Database, dict[str, Provider]] = WeakKeyDictionary()


def of(config: Config, db: Database, clock: Clock) -> dict[str, Provider]:
    """By name; the first is what a payer gets who names none."""
    if db not in _made:
        _made[db] = _make(config, db, clock)
    return _made[db]


def use(db: Database, *providers: Provider) -> None:
    """Instead of what config.toml says."""
    _made[db] = {provider.name: provider for provider in providers}


def get(config: Config, db: Database, clock: Clock, name: str | None = None) -> Provider:
    """Raises StationError if there is none of this name, or none at all."""
    found = of(config, db, clock)
    if name is None and found:
        return next(iter(found.values()))
    if name not in found:
        raise NotFound(
            f"There is no way to pay named {name!r}; there are: {', '.join(found) or 'none'}."
        )
    return found[name]


def _make(config: Config, db: Database, clock: Clock) -> dict[str, Provider]:
    made: dict[str, Provider] = {}
    currency = config.stripe.currency.upper()
    if config.stripe.secret_key is not None:
        if config.stripe.webhook_secret is None:
            raise StationError(
                "Stripe's webhooks cannot be checked without stripe.webhook_secret; set it."
            )
        # Imported only when needed: it costs every command half a second.
        from umeter_station.pay.stripe_provider import Stripe

        made["stripe"] = Stripe(
            config.stripe.secret_key.reveal(),
            config.stripe.webhook_secret.reveal(),
            currency,
            clock,
            return_url=config.web.url,
            tolerance_s=config.stripe.tolerance,
        )
    if config.sandbox.enabled:
        secret = config.sandbox.webhook_secret
        if secret is None:
            raise StationError(
                "The sandbox signs its webhooks with sandbox.webhook_secret; set it."
            )
        made["sandbox"] = Sandbox(
            db,
            clock,
            secret.reveal().encode(),
            currency,
            base_url=config.web.base_url,
            tolerance_s=config.stripe.tolerance,
        )
    return made
