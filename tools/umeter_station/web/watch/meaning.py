"""What each rule's finding means for people, and what to do about it."""


def say(text: str) -> str:
    """Marks a text that the pages translate."""
    return text


# By rule: (what it means, what to do).
MEANINGS: dict[str, tuple[str, str]] = {
    "A01": (
        say("Readings that were due did not come. Nothing is lost by that: registers only grow."),
        say("If it goes on, look at the meter's radio and its way to the access point."),
    ),
    "A02": (
        say("The meter has not been heard. It goes on metering and cutting off without us."),
        say("Look whether the house has power and network, then at the board itself."),
    ),
    "A03": (
        say("More energy enters the house than its channels account for."),
        say("Look for a branch before the meters, and see which channel is metered short."),
    ),
    "A04": (
        say("What is missing in the sum follows this channel's ups and downs."),
        say("Inspect the channel's wiring for a bypass, and its front end."),
    ),
    "A05": (
        say("Energy flows back: generation, or a front end wired the wrong way round."),
        say("If nothing generates there, turn the current transformer."),
    ),
    "A06": (
        say("Current passes a contact that should be open: it is welded, or bypassed."),
        say("The supply cannot be cut there. Isolate the channel, and have the relay changed."),
    ),
    "A07": (
        say("The contact is said to be closed, but there is no voltage behind it."),
        say("The tenant has no power: look at the relay, the breaker and the wire."),
    ),
    "A08": (
        say("Power is drawn and the register stands still: it is used and not charged."),
        say("Have the front end changed; read the channel again afterwards."),
    ),
    "A09": (
        say("Nothing has been used for days where something always was."),
        say("Ask whether somebody moved out; mark the channel as vacant if so."),
    ),
    "A10": (
        say("The use differs from what is usual on such days by far."),
        say("Usually a guest, a heater or a holiday; ask if it stays."),
    ),
    "A11": (
        say("One quarter of an hour stands out far above the rest."),
        say("Look at the chart; a single one needs nothing."),
    ),
    "A12": (
        say(
            "The register moved in a way that no load can move it. What is implausible is held"
            " back and not charged."
        ),
        say("Look at the front end, then accept or refuse what is held back."),
    ),
    "A13": (
        say("The load profile does not add up to what the register says."),
        say("Compare both with a reading at the meter; do not bill by the profile meanwhile."),
    ),
    "A14": (
        say("The meter's clock is off: tariffs by the hour and intervals are too."),
        say("It is set by itself when the meter is heard; look at its backup battery if not."),
    ),
    "A15": (
        say("The meter has credited another sum than the books say."),
        say("Sell and refund nothing there until it is settled; compare orders and answers."),
    ),
    "A16": (
        say("The account is empty and nothing allows it, but the channel is fed."),
        say("Look at the contact; open the channel by hand if it does not cut off."),
    ),
    "A17": (
        say("Somebody had a hand on it: a cover, a wire, or orders that are not ours."),
        say("Inspect the box before anything else, and take a picture."),
    ),
    "A18": (
        say("The grid's voltage, or a load's power factor, is outside of its bounds."),
        say("If it comes back, ask the grid's operator, or the owner of the load."),
    ),
    "A19": (
        say("The contact moves so often that it will not last."),
        say("Look why it is cut and restored; raise the limit, or have the relay changed."),
    ),
    "A20": (
        say("The meter does not have the settings that it was given."),
        say("Read what it answered, then order the setting again or take it back."),
    ),
    "A21": (
        say("Two boards speak under one name, or one has lost its memory."),
        say("Find the second board; give the meter a new key."),
    ),
    "A22": (
        say("It sends far more than its reports explain."),
        say("Look whether the board restarts again and again; update its software."),
    ),
    "A23": (
        say("The meter is there, but has not answered an order."),
        say("Look at the orders; money among them is only settled by the meter's answer."),
    ),
    "R01": (
        say("The books do not balance."),
        say("Open the reconciliation report; sell nothing there meanwhile."),
    ),
    "R02": (
        say("The payment provider's list and the clearing account differ."),
        say("Compare the payout with the sales of that day."),
    ),
    "R03": (
        say("The cash of a shift is not what was sold."),
        say("Count again, and book the difference with a reason."),
    ),
    "R04": (
        say("Money came that fits no payment."),
        say("Find whose it is in the suspense list, and assign or return it."),
    ),
}


def meaning(rule: str) -> tuple[str, str]:
    """Both texts, not yet translated; empty for a rule that is not known."""
    return MEANINGS.get(rule, ("", ""))
