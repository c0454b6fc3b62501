from __future__ import annotations

import pytest

from agerepro.errors import UserError
from agerepro.published.claims import audited, claims_of, parse_claims

GOOD = """
paper: made2030
claims:
  - {id: one, says: a sum, source: section 1, printed: "3.0", compute: {sum: [1, {product: [1, 2]}]}}
  - {id: two, says: a cell, source: section 2, printed: "3", compute: {cell: [table1, row, column]}, within: 0.1, note: rounded}
"""


def test_claims_in_their_order():
    assert [claim.id for claim in parse_claims(GOOD, "made2030/claims.yaml").claims] == ["one", "two"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (('printed: "3.0"', "printed: 3.0"), "is no list of claims"),  # its digits would be lost
        (("id: two", "id: one"), "claim one: the id is given twice"),
        ((", note: rounded", ""), "claim two: `within` needs a note"),
        (("product:", "prodct:"), "claim one: prodct is not one operation. Did you mean 'product'"),
        (("{sum:", "{mean: [1], sum:"), "claim one: mean, sum is not one operation"),
        (("source: section 1,", ""), "is no list of claims"),
        (("says: a sum", "said: a sum"), "is no list of claims"),
        (("paper:", "paper"), "is no list of claims"),
    ],
)
def test_a_wrong_file_is_told_in_words(change, message):
    with pytest.raises(UserError, match=message):
        parse_claims(GOOD.replace(*change), "made2030/claims.yaml")


def test_unknown_papers_offer_the_nearest():
    assert "koenig2019" in audited()
    with pytest.raises(UserError, match="Did you mean 'koenig2019'"):
        claims_of("konig2019")
