from __future__ import annotations

import json

from agerepro.published.audit import Finding, Verdict
from agerepro.published.audit_text import as_json, as_text
from agerepro.published.claims import Claim, Misprint

FINDINGS = [
    Finding(Claim("sum", "a sum", "Table 1", "3.0", 3, note="A note."), "3", Verdict.AGREES),
    Finding(Claim("half", "more than half, in words that do not fit into one line of the table that is printed", "section 2", "50", 51,
                  relation="above"), "", Verdict.NOT_CHECKED, "fgnet"),
    Finding(Claim("mean", "a mean", "Table 2", "4", 5, misprint=Misprint("5", "Ours is 5.")), "5", Verdict.KNOWN),
    Finding(Claim("other", "another", "Table 2", "4", 6), "6", Verdict.DISAGREES),
]  # fmt: skip

TEXT = """\
   claim                                                          printed  recomputed  verdict                    source
1  a sum                                                          3.0      3           agree                      Table 1
2  more than half, in words that do not fit into one line of the  > 50     -           not checked (give --data)  section 2
     table that is printed
3  a mean                                                         4        5           DISAGREE (known)           Table 2
4  another                                                        4        6           DISAGREE                   Table 2

Known misprints and contradictions, and how we read them:
  3  Ours is 5.

Notes:
  1  A note.

made2030: 4 claims, 1 agree, 1 disagree as known, 1 disagree unexpectedly, 1 not checked (give --data with fgnet)."""


def test_text():
    assert as_text("made2030", FINDINGS) == TEXT


def test_text_where_all_agree():
    assert as_text("made2030", FINDINGS[:1]).endswith(
        "\n\nmade2030: 1 claims, 1 agree, 0 disagree as known, 0 disagree unexpectedly, 0 not checked."
    )


def test_json():
    rows = json.loads(as_json([("made2030", finding) for finding in FINDINGS]))
    assert [row["expected"] for row in rows] == [True, True, True, False]
    assert (rows[1]["printed"], rows[1]["recomputed"], rows[1]["missing"]) == ("> 50", None, "fgnet")
    assert rows[2]["reading"] == "Ours is 5." and rows[0]["paper"] == "made2030"
