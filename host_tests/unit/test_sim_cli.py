"""`umeter-sim run`: the site that it gives to its board."""

import json

import pytest

from umeter_deploy.files import site_text
from umeter_sim import cli
from umeter_sim.lone_site import lone_site


@pytest.mark.parametrize("written", [json.dumps, site_text], ids=["by hand", "for a board"])
def test_a_site_of_either_kind_takes_another_broker(tmp_path, written):
    (tmp_path / "site.json").write_text(written(lone_site("m1")))
    document = json.loads(site_text(cli._site(tmp_path / "site.json", "mqtt://10.0.0.9:1884")))
    (broker,) = document["brokers"]
    assert (document["meter"], broker["host"], broker["port"]) == ("m1", "10.0.0.9", 1884)
