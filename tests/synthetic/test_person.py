"""People keep their traits, whatever the data set asks."""

from __future__ import annotations

import dataclasses

from agerepro.synthetic.person import STYLES, draw_person


def test_a_number_is_one_person_for_ever() -> None:
    assert draw_person(3, 17) == draw_person(3, 17)
    assert draw_person(3, 17) != draw_person(4, 17)


def test_people_differ() -> None:
    faces = {dataclasses.replace(draw_person(0, number), number=0) for number in range(200)}
    assert len(faces) == 200


def test_naming_the_sex_changes_only_what_belongs_to_it() -> None:
    man, woman = draw_person(0, 5, sex="m"), draw_person(0, 5, sex="f")
    assert (man.skin, man.eyes, man.nose_length, man.greying_age) == (woman.skin, woman.eyes, woman.nose_length, woman.greying_age)
    assert man.style in STYLES["m"] and woman.style in STYLES["f"]
    assert woman.balding == woman.beard == 0.0


def test_both_sexes_and_every_style_occur() -> None:
    people = [draw_person(0, number) for number in range(300)]
    assert {person.style for person in people} == {*STYLES["m"], *STYLES["f"]}
    assert 0.4 < sum(person.sex == "m" for person in people) / 300 < 0.6
