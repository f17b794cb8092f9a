"""What the station says below its pages is known to the pages: recognised by its template, and
said in the reader's language with its own values."""

import re

import pytest
from babel.messages.pofile import read_po

import sentence_kit
import web_kit
from umeter_sim.paths import FIRMWARE
from umeter_station.web import language, sentences
from umeter_station.web.language import Languages, Place

# What people can meet on pages: each module of the station that refuses them something, and its
# functions that make sentences for others to raise or show.
COVERED = {
    "amounts.py": (),
    "account_orders.py": (),
    "api/deps.py": (),
    "api/own_sales.py": (),
    "api/problems.py": ("too_many",),
    "audit.py": ("verify",),
    "change.py": ("_refusal",),
    "change_warnings.py": ("warnings", "_prices", "supply"),
    "db_errors.py": ("unavailable",),
    "holding.py": (),
    "keyed.py": (),
    "ledger.py": (),
    "ledger_check.py": ("check", "_fate"),
    "meters.py": (),
    "orders.py": (),
    "releases.py": (),
    "strangers.py": (),
    "twin.py": ("_changed_meanwhile",),
    "update.py": (),
    "vending.py": (),
    "desk/agents.py": (),
    "desk/charges.py": (),
    "desk/checks.py": ("in_ledger", "at_providers", "on_meters", "in_drawers"),
    "desk/fate.py": (),
    "desk/find.py": (),
    "desk/household.py": (),
    "desk/payouts.py": (),
    "desk/quotes.py": ("_notes",),
    "desk/receipts.py": (),
    "desk/registers.py": (),
    "desk/sales.py": (),
    "desk/shifts.py": (),
    "desk/tariffs.py": (),
    "desk/voids.py": (),
    "fleet/reads.py": (),
    "fleet/rollout_plan.py": (),
    "fleet/rollout_rows.py": (),
    "fleet/rollouts.py": (),
    "fleet/schedule_times.py": (),
    "fleet/schedules.py": (),
    "fleet/select.py": (),
    "fleet/templates.py": (),
    "fleet/waves.py": (),
    "fleet/where.py": (),
    "pay/bank_camt.py": (),
    "pay/bank_csv.py": (),
    "pay/bank_import.py": (),
    "pay/bank_lines.py": (),
    "pay/currency.py": (),
    "pay/payments.py": (),
    "pay/providers.py": (),
    "pay/refunds.py": (),
    "pay/sandbox.py": (),
    "pay/stripe_provider.py": (),
    "pay/suspense.py": (),
    "pay/wallets.py": (),
    "people/accounts.py": (),
    "people/approvals.py": (),
    "people/keys.py": (),
    "people/passwords.py": (),
    "people/privacy.py": (),
    "people/sign_in.py": (),
    "people/sites.py": (),
    "people/tenants.py": (),
    "people/texts.py": (),
    "people/totp.py": (),
    "watch/findings.py": (),
    "web/guard.py": (),
    "web/tenants/routes.py": (),
}
# Said by others than our own code: a web server's own refusals, and SQLite's.
_FOREIGN = {"Not Found", "Method Not Allowed", "database is locked"}
# As our code, the firmware's and a .po file write where a value stands.
_VALUE = re.compile(r"%\(\w+\)s|%(?:\.\d+)?[sd]")
# A meter says itself why it refuses an order or a setting.
_FIRMWARE = FIRMWARE / "umeter"


@pytest.fixture(scope="module")
def library():
    with (language.FOLDER / "zh" / sentences.FILE).open("rb") as file:
        return [message for message in read_po(file) if message.id]


@pytest.fixture
def chinese(tmp_path):
    with language.speaking(Languages(tmp_path, Place()).choose("zh", "")):
        yield


def _plain(text):
    return _VALUE.sub("{}", text).replace("%%", "%")


def _known():
    """Of all Chinese files: some sentences were on a page before."""
    found = set()
    for path in (language.FOLDER / "zh").glob("*.po"):
        with path.open("rb") as file:
            found |= {_plain(m.id) for m in read_po(file) if isinstance(m.id, str)}
    return found


def test_what_a_covered_module_raises_is_known():
    known, missing, seen = _known(), [], 0
    for name, makers in COVERED.items():
        for text, line in sentence_kit.raised(name, makers).items():
            seen += 1
            if text not in known:
                missing.append(f"{name}:{line}: {text!r}")
    assert seen > 150 and not missing, "\n".join(missing)


def test_no_template_is_of_what_nobody_says(library):
    paths = [*sentence_kit.ROOT.rglob("*.py"), *_FIRMWARE.rglob("*.py")]
    said = {_plain(text) for text in sentence_kit.all_texts(paths)} | _FOREIGN
    assert [m.id for m in library if _plain(m.id) not in said] == []


def test_each_template_finds_its_own_sentence(library, chinese):
    """Filled in with something, it is not taken for another one."""
    wrong = []
    for message in library:
        names = set(re.findall(r"%\((\w+)\)s", message.id))
        values = {name: f"v{number}" for number, name in enumerate(sorted(names))}
        told = sentences.say(message.id % values if names else message.id)
        if told != (message.string % values if names else message.string):
            wrong.append(f"{message.id!r} became {told!r}")
    assert not wrong, "\n".join(wrong)


def test_values_stay_and_words_of_the_station_are_said(chinese):
    assert sentences.say("There is no receipt 7 of desk.") == "没有 desk 的收据 7。"
    assert "50%" in sentences.say("There is no receipt 50% of %(x)s.")
    held = "Purchase k1 is on its way to m1; it cannot be refunded."
    assert sentences.say(held) == "购电 k1 正在发往 m1，不能退款。"
    refused = "Nothing was sent: ch.1.budget_u must be 0..9, not 10; ch.1.tz must be x, not 1."
    assert sentences.say(refused) == (
        "没有发送：ch.1.budget_u 必须是 0..9，不能是 10; ch.1.tz 必须是 x，不能是 1。"
    )
    assert sentences.say(
        "'a; b' is not an amount; write digits with at most six decimals, as 12.50."
    ) == ("'a; b' 不是金额；请填数字，最多六位小数，如 12.50。")
    assert "money" not in sentences.say(
        "Channel 1 of m1 was sold money before and counts something else now;"
        ' set its unit back to "money".'
    ).replace("“money”", "")


@pytest.mark.parametrize(
    ("english", "chinese_"),
    [
        ("5 runs before this one were not made; 3 s late", "此前有 5 次未执行; 晚了 3 秒"),
        (
            "tz: no answer within 9 s; ch.1.limit_w: it is away",
            "tz: 9 秒内没有回应; ch.1.limit_w: 不在线",
        ),
        ("stopped: 3 of 4 meters failed", "已自动停止: 4 块电表中有 3 块失败"),
        (
            "There is no meter to do this to: no meter is chosen by where site=a.",
            "没有可执行的电表：where site=a 没有选中任何电表。",
        ),
        (
            "The price changes, channels 1, 2; what was drawn before keeps the old one.",
            "回路 1, 2 的电价改变；此前所用仍按旧价。",
        ),
        ("record 7 is missing, the meter is asked again", "记录 7缺失，已重新向电表索取"),
        (
            "At 1: 'sit' is not known; did you mean site? known are a, b.",
            "第 1 个字符处：没有 'sit'；您是否想写 site？可用的有 a, b。",
        ),
        ("Rollout 3 is done; it cannot be paused.", "批次 3 已完成，不能改为“已暂停”。"),
    ],
)
def test_several_at_once_are_said_piece_by_piece(chinese, english, chinese_):
    assert sentences.say(english) == chinese_


def test_what_is_not_known_stays_as_it_is(chinese):
    for text in ("", "A sentence that nobody says.", "没有这个页面。", "There is no receipt"):
        assert sentences.say(text) == text
    assert sentences.say("tz: nobody says it; 3 s late") == "tz: nobody says it; 3 s late"


def test_english_is_left_alone(tmp_path):
    with language.speaking(Languages(tmp_path, Place()).choose("en", "")):
        assert sentences.say("There is no receipt 7 of desk.") == "There is no receipt 7 of desk."


def test_a_language_of_the_stations_own_says_them_too(tmp_path):
    english = "There is no receipt %(number)s of %(register)s."
    web_kit.german(tmp_path, {english: "Bon %(number)s von %(register)s gibt es nicht."})
    with language.speaking(Languages(tmp_path, Place()).choose("de", "")):
        assert sentences.say("There is no receipt 7 of desk.") == "Bon 7 von desk gibt es nicht."
        assert sentences.say("There is no shift 7.") == "There is no shift 7."
