"""`umeter-station pay`, `bank`, `suspense` and `phone`."""

from cli_kit import clocked_home, run, told
from pay_kit import AMOUNT_U, CSV, SECRET
from station_kit import NOW_S, new_database
from umeter_station.pay import payments, providers
from umeter_station.pay.payments import Wish
from umeter_station.people import tenants
from umeter_station.station import Books


def test_at_the_terminal(tmp_path, monkeypatch):
    new_database(tmp_path).close()
    home = clocked_home(tmp_path)
    monkeypatch.setenv("UMETER_STATION_SANDBOX_ENABLED", "true")
    monkeypatch.setenv("UMETER_STATION_SANDBOX_WEBHOOK_SECRET", SECRET.decode())
    books = Books(home)
    with books.db.write() as conn:
        tenants.add(conn, "Anna", "operator:otto", NOW_S)
    sandbox = providers.get(books.config, books.db, books.clock)
    payments.start(books.db, books.clock, sandbox, Wish(AMOUNT_U, "m1", 1), "tenant:1", "p1")
    books.close()
    assert told(home, "pay", "sandbox", 1, "succeeded") == ["Payment 1 is succeeded: sale."]
    assert any("m1/1" in line and "sale" in line for line in told(home, "pay", "list"))
    assert told(home, "pay", "poll") == ["sandbox: 0 payments decided."]
    refused = run(home, "pay", "refund", 1, "5")
    assert refused.exit_code == 1 and "give credit back" in refused.output
    (printed,) = told(home, "bank", "reference", "m1/1")
    (home / "banks").mkdir()
    (home / "banks" / "giro.toml").write_text(CSV)
    lines = [f'2026-11-02,"5,00",{printed}', '2026-11-02,"6,00","[bold]?[/bold]"']
    (home / "nov.csv").write_text("\n".join(["d,a,t", *lines]))
    found = told(home, "bank", "import", home / "nov.csv", "--bank", "giro")
    assert found[0] == "nov.csv: 1 sale, 1 suspense."
    assert (
        "nothing was done" in told(home, "bank", "import", home / "nov.csv", "--bank", "giro")[0]
    )
    assert any("[bold]?[/bold]" in line for line in told(home, "suspense", "list"))
    assigned = told(home, "suspense", "assign", 1, "--meter", "m1", "--channel", 1)
    assert assigned == ["Item 1 is assigned: sale to m1/1."]
    assert run(home, "suspense", "assign", 1).exit_code == 1
    done = run(home, "phone", "pin", 1, input="2580\n")
    assert done.exit_code == 0 and "2580" not in done.output
    assert told(home, "phone", "unlock", 1) == ["Tenant 1 may try again."]
    told(home, "phone", "locked")
    told(home, "pay", "conflicts")
