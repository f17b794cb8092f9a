"""Orders that come twice, late, in the wrong sequence, or into a power cut: each kind of order
against each fault, on a journal in simulated flash, with a stand-in for the station that repeats
what was not answered.

Judged by the meter as it boots afterwards: an order that was answered as applied has its effect
once, any other none. The parts of an answer that only the meter knows must be in the repeated
one too.
"""

from umeter_sim.cut_board import PowerCut
from umeter_sim.once_cases import CASES
from umeter_sim.once_trial import OTHER, Case, Trial, signed, told
from umeter_sim.order_samples import UNIX


def _duplicated(case, step):
    trial = Trial(case, case.board())
    for _ in range(3):
        trial.deliver()
    trial.reboot()
    trial.deliver()
    yield trial.faults()


def _reordered(case, step):
    trial = Trial(case, case.board())
    before = told(trial.board, signed(OTHER))
    trial.deliver()
    after = told(trial.board, signed(OTHER))
    trial.deliver()
    found = trial.faults(others=(2,))
    if (before["code"], after["code"]) != ("applied", "replayed"):
        found.append(("lost", f"the other order: {before}, {after}"))
    if trial.board.channels[1].account.credited_total_u != OTHER["amount_u"]:
        found.append(("doubled", "the other order"))
    yield found


def _late(case, step):
    """Past its expiry: never; in time, and again past it: once."""
    trial = Trial(case, case.board(late_s=601))
    for _ in range(2):
        trial.deliver(exp=UNIX + 600)
    yield trial.faults(may_be_refused=case.op != "time")
    trial = Trial(case, case.board())
    trial.deliver(exp=UNIX + 600)
    trial.board.clock.when += 601
    trial.deliver(exp=UNIX + 600)
    trial.board.clock.when -= 601
    yield trial.faults()


def _cut_before(case, step):
    """At every `step`th byte that the commit writes, and in its erasing."""
    budget = 0
    while True:
        trial = Trial(case, case.board())
        trial.board.flash.budget = budget
        cut = not trial.deliver()
        trial.settle()
        # A clock is set for the boot that asked for it.
        yield trial.faults(may_be_refused=case.op == "time")
        if not cut:
            return
        budget += step


def _cut_after(case, step):
    """The commit is done, and nothing else."""
    trial = Trial(case, case.board())
    journal = trial.board.meter.journal
    commit = journal.commit

    def then_cut(batch):
        commit(batch)
        raise PowerCut

    journal.commit = then_cut
    trial.deliver()
    journal.commit = commit  # what only looks has committed nothing
    trial.settle()
    trial.deliver()
    yield trial.faults()


def _answer_lost(case, step):
    trial = Trial(case, case.board())
    trial.deliver(lost=True)
    trial.settle()
    yield trial.faults()
    trial.deliver(lost=True)
    trial.reboot()
    trial.settle()
    yield trial.faults()


def _flash_fails(case, step):
    """Nothing can be written, and a moment later it can."""
    trial = Trial(case, case.board())
    trial.board.flash.failing = True
    trial.deliver(lost=True)
    trial.board.flash.failing = False
    trial.board.meter.commit()
    trial.settle()
    trial.deliver()
    yield trial.faults()


FAULTS = {
    "duplicated": _duplicated,
    "reordered": _reordered,
    "delayed past expiry": _late,
    "cut before commit": _cut_before,
    "cut between commit and answer": _cut_after,
    "answer lost": _answer_lost,
    "flash fails": _flash_fails,
}


def judge(case, fault, step=1):
    """Lists of faults, one for each trial of a Case under a fault of FAULTS."""
    return list(FAULTS[fault](case, step))


def run(progress=None, step=1):
    """{"orders_lost", "orders_doubled", "order_cases"} of all cases under all faults, a case for
    each trial; cuts fall on every `step`th byte of a commit, more seldom on those into a new
    sector. progress: called with the number of trials so far.
    """
    figures = {"orders_lost": 0, "orders_doubled": 0, "order_cases": 0}
    for name in CASES:
        for turning in (False, True):
            case = Case(name, turning)
            for fault in FAULTS:
                for found in judge(case, fault, 37 * step if turning else step):
                    figures["order_cases"] += 1
                    kinds = {kind for kind, _ in found}
                    figures["orders_lost"] += "lost" in kinds
                    figures["orders_doubled"] += "doubled" in kinds
                    for kind, sentence in found:
                        print(f"{name}, {fault}: {kind}: {sentence}"[:600])
        if progress is not None:
            progress(figures["order_cases"])
    return figures
