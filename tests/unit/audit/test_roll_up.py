"""The one rule by which parts make up a whole."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from audit.judgement.verdict import Part, Verdict, roll_up

V = Verdict
PARTS = st.lists(st.builds(Part, st.sampled_from(list(V)), st.booleans()), max_size=8)
GOOD = {V.COMPLIANT, V.NOT_APPLICABLE}


def of(*verdicts: Verdict) -> Verdict:
    return roll_up(Part(verdict) for verdict in verdicts)


def test_examples_in_the_order_of_the_rule() -> None:
    assert roll_up([Part(V.NONCOMPLIANT, decisive=True), Part(V.COMPLIANT), Part(V.ERROR)]) is V.NONCOMPLIANT
    assert of(V.ERROR, V.COMPLIANT, V.NONCOMPLIANT) is V.ERROR
    assert of(V.NONCOMPLIANT, V.NONCOMPLIANT, V.NEEDS_PERSON) is V.NONCOMPLIANT
    assert of(V.NONCOMPLIANT, V.COMPLIANT) is V.PARTIAL
    assert of(V.COMPLIANT, V.NEEDS_PERSON, V.NOT_CHECKED) is V.NEEDS_PERSON
    assert of(V.COMPLIANT, V.NOT_CHECKED) is V.NOT_CHECKED
    assert of() is V.NOT_CHECKED
    assert of(V.NOT_APPLICABLE, V.NOT_APPLICABLE) is V.NOT_APPLICABLE
    assert of(V.COMPLIANT, V.NOT_APPLICABLE) is V.COMPLIANT


@given(PARTS)
def test_compliant_only_if_every_part_is(parts: list[Part]) -> None:
    found = {part.verdict for part in parts}
    assert (roll_up(parts) is V.COMPLIANT) == (V.COMPLIANT in found and found <= GOOD)


@given(PARTS)
def test_the_order_of_parts_does_not_matter(parts: list[Part]) -> None:
    assert roll_up(parts) is roll_up(sorted(parts)) is roll_up(reversed(parts))


@given(PARTS, st.sampled_from([V.ERROR, V.NOT_CHECKED, V.NEEDS_PERSON, V.NONCOMPLIANT, V.PARTIAL]), st.booleans())
def test_nothing_that_is_not_good_can_be_added_to_a_pass(parts: list[Part], verdict: Verdict, decisive: bool) -> None:
    assert roll_up([*parts, Part(verdict, decisive)]) not in GOOD


@given(PARTS)
def test_an_error_is_hidden_by_nothing_but_a_decisive_failure(parts: list[Part]) -> None:
    expected = V.NONCOMPLIANT if Part(V.NONCOMPLIANT, decisive=True) in parts else V.ERROR
    assert roll_up([*parts, Part(V.ERROR)]) is expected
