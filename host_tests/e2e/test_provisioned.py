"""A board with the files of `meters add --new`, a Mosquitto with those of `broker-config`: they
find each other by TLS, each other only, and change the meter's key.
"""

import json
import os

import pytest
from typer.testing import CliRunner

from tls_kit import Authority
from umeter_deploy import files
from umeter_sim.board_api import open_board
from umeter_sim.mosquitto import Mosquitto, installed
from umeter_sim.scene import wait_until
from umeter_station.broker import unused_port
from umeter_station.cli import app
from umeter_station.clock import FileClock
from umeter_station.station import Station

pytestmark = pytest.mark.skipif(
    not installed(), reason="no Mosquitto is installed: its package is called mosquitto"
)


def run(home, *arguments):
    words = ["--home", str(home), *(str(argument) for argument in arguments)]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output


def provisioned(folder):
    """A station's home, its broker, and the site of its new meter m1."""
    authority = Authority("our CA")
    certificate, key = authority.issue("localhost").write(folder, "server")
    authority.write(folder, "ca")
    port = unused_port("127.0.0.1")
    template = {
        "wifi": [{"ssid": "umeter-sim", "password": "simulated"}],
        "broker": {"host": "localhost", "port": port},
        "ca": "ca.crt",
    }
    (folder / "template.json").write_text(json.dumps(template))
    home, site_folder = folder / "home", folder / "site"
    run(home, "init", "--broker", f"mqtts://localhost:{port}")
    with open(home / "config.toml", "a") as file:
        file.write('ca_file = "../ca.crt"\n')
    new = ("--new", "--template", folder / "template.json", "--to", site_folder)
    run(home, "meters", "add", "m1", *new)
    tls = ("--tls-cert", certificate, "--tls-key", key, "--port", port)
    run(home, "broker-config", "--to", folder / "broker", *tls, "--data", folder)
    config = (folder / "broker" / "mosquitto.conf").read_text()
    if os.geteuid() == 0:  # it would become another user, who cannot read the files
        config += "user root\n"
    site = files.read(site_folder / "site.json")
    broker = Mosquitto(folder / "broker", port, config=config)
    return home, broker, site | {"ca": [str(site_folder / "ca0.der")]}


@pytest.mark.parametrize("runtime", ["cpython", "micropython"])
def test_from_the_desk_to_the_first_order_under_a_new_key(tmp_path, runtime):
    home, broker, site = provisioned(tmp_path)
    broker.start()
    sim = open_board(runtime=runtime, site=site, workdir=tmp_path / "board", speed=20)
    station = Station(home, clock=FileClock(sim.clock_file))
    try:
        assert station.start(connect_timeout_s=60)
        sim.start()
        wait_until(lambda: station.meter("m1").presence == "online", "the meter")
        assert json.loads(station.meter("m1").status)["tls"] == 1
        assert station.wait_result(station.rotate_key("m1"), 30).state == "applied"
        wait_until(lambda: station.meter("m1").key_state == "steady", "its new key's use")
        sale = station.sell("m1", 1, 5_000_000)
        assert station.wait_result(sale.command_id, 30).state == "applied"
        sim.reset()
        sim.start()
        assert station.wait_result(station.order_read("m1"), 30).state == "applied"
        assert "result.forged" not in station.counters()
    finally:
        station.close()
        sim.close()
        broker.stop()
