"""The secrets that the work at hand holds are masked in every form, for as long as the work lasts."""

import base64
import contextvars
import json
import uuid
from urllib.parse import quote, quote_plus

import pytest

from arcway.domain.secrets_held import MASK, hold, hold_always, holding, mask, masked_value

SECRET = 's3cr\u00e9t/"+ \\x~'


@pytest.mark.parametrize(
    "form",
    [
        SECRET,
        quote(SECRET, safe=""),
        quote(SECRET),
        quote_plus(SECRET),
        quote(SECRET, safe="").lower(),
        json.dumps(SECRET)[1:-1],
        json.dumps(SECRET, ensure_ascii=False)[1:-1],
        json.dumps(json.dumps(SECRET))[3:-3],
        json.dumps(json.dumps(SECRET, ensure_ascii=False)[1:-1])[1:-1],
        SECRET.encode().hex(),
        base64.b64encode(SECRET.encode()).decode().rstrip("=")[:-1],
    ],
)
def test_secret_is_masked_in_every_form_that_servers_repeat(form: str) -> None:
    with holding():
        hold(SECRET)
        masked = mask(f"before {form} after")
    assert masked.startswith(f"before {MASK}")
    assert masked.endswith(" after")
    assert len(masked) <= len(f"before {MASK}xx after")


@pytest.mark.parametrize("before", ["", "a", "ab", "abc"])
@pytest.mark.parametrize("after", ["", "x", "xy", "xyz"])
@pytest.mark.parametrize("secret", ["correct horse", "correct horse?", "\u00ff\u00fe\u00fd\u00fc\u00fb\u00fa?>"])
def test_secret_is_masked_inside_the_base64_of_a_longer_text(before: str, after: str, secret: str) -> None:
    data = f"{before}{secret}{after}".encode()
    with holding():
        hold(secret)
        for encoded in (base64.b64encode(data).decode(), base64.urlsafe_b64encode(data).decode()):
            masked = mask(encoded)
            assert MASK in masked
            # The letters that have bits of what stands beside the secret are left.
            start, end = 8 * len(before), 8 * (len(before) + len(secret.encode()))
            letters = end // 6 - -(-start // 6)
            assert len(masked.replace(MASK, "").rstrip("=")) == len(encoded.rstrip("=")) - letters


def test_characters_that_do_not_show_are_masked_where_they_are_shown_as_escapes() -> None:
    with holding():
        hold("pass\x1bword")
        assert mask("is pass\\x1bword") == f"is {MASK}"


@pytest.mark.parametrize(
    ("secret", "masked"), [("12345", False), ("123456", True), ("x" * 16384, True), ("x" * 16385, False)]
)
def test_secret_counts_from_six_characters_to_sixteen_thousand(secret: str, masked: bool) -> None:
    with holding():
        hold(None, "", secret)
        assert (MASK in mask(secret)) is masked


def test_mask_says_that_something_was_taken_out() -> None:
    with holding():
        hold("hunter22")
        assert mask("is hunter22.") == "is [redacted]."


def test_secret_is_held_without_the_blanks_around_it() -> None:
    with holding():
        hold(" hunter22\n")
        assert mask("is hunter22.") == f"is {MASK}."


def test_secret_is_forgotten_when_the_work_ends() -> None:
    with holding():
        hold("hunter22")
        with holding():
            hold("hunter33")
            assert mask("hunter22 hunter33") == f"hunter22 {MASK}"
        assert mask("hunter22 hunter33") == f"{MASK} hunter33"
    assert mask("hunter22") == "hunter22"


def test_secrets_outside_a_piece_of_work_are_held_in_their_context() -> None:
    def work() -> list[str]:
        for number in range(65):
            hold(f"secret-{number:03}")
        return [mask(f"secret-{number:03}") for number in (0, 1, 64)]

    assert contextvars.Context().run(work) == ["secret-000", MASK, MASK]
    assert contextvars.Context().run(mask, "secret-064") == "secret-064"


def test_secret_with_half_a_surrogate_pair_is_masked() -> None:
    with holding():
        hold("pass\ud800word")
        assert mask("is pass\ud800word") == f"is {MASK}"


def test_secret_of_the_process_is_masked_in_all_its_work() -> None:
    secret = f"client-secret-{uuid.uuid4()}"  # the process holds it for the tests behind this one, too
    hold_always(secret, None)
    with holding():
        hold("hunter22")
        assert mask(f"{secret} hunter22") == f"{MASK} {MASK}"
    assert mask(secret) == MASK


def test_sixty_four_secrets_are_held_and_the_first_are_forgotten() -> None:
    with holding():
        for number in range(65):
            hold(f"secret-{number:03}")
            hold(f"secret-{number:03}")
        assert mask("secret-000") == "secret-000"
        assert mask("secret-001") == mask("secret-064") == MASK


def test_longest_form_is_masked_first() -> None:
    with holding():
        hold("hunter22", "hunter22-and-more")
        assert mask("hunter22-and-more") in (MASK, f"{MASK}-and-more")
        hold("a b/c d")
        assert mask("a%20b%2Fc%20d") == MASK


def test_short_secret_does_not_keep_longer_ones_from_being_masked() -> None:
    with holding():
        hold("hunter", "correct-horse")
        assert mask("hunter and correct-horse", shortest=13) == f"hunter and {MASK}"


@pytest.mark.parametrize(("shortest", "masked"), [(9, "hunter22"), (8, MASK), (6, MASK)])
def test_short_secrets_stay_where_they_may_be_words(shortest: int, masked: str) -> None:
    with holding():
        hold("hunter22")
        assert mask("hunter22", shortest=shortest) == masked


@pytest.mark.parametrize(
    ("message", "cut", "masked"),
    [
        ("is correct-ho", True, f"is {MASK}"),
        ("is correct-ho…", True, f"is {MASK}"),
        ("is correct-ho", False, "is correct-ho"),
        ("is correct-xx", True, "is correct-xx"),
        ("is correct-hx", True, "is correct-hx"),
        ("correct-ho", True, MASK),
        ("correct-hx", True, "correct-hx"),
        ("correctly said correct-ho", True, f"correctly said {MASK}"),
        ("correct-horse and correct-hx", True, f"{MASK} and correct-hx"),
        ("is corre", True, "is corre"),
        ("is correc", True, f"is {MASK}"),
        ("correct-horse and correct-h…", True, f"{MASK} and {MASK}"),
        ("correct-horse and more…", True, f"{MASK} and more…"),
    ],
)
def test_secret_that_the_cut_went_through_is_masked(message: str, cut: bool, masked: str) -> None:
    with holding():
        hold("correct-horse")
        assert mask(message, cut=cut) == masked


@pytest.mark.parametrize("message", ["secret-of-sec", "secret-of-secret-", "secret-of-secret-4…"])
def test_secret_that_repeats_its_own_beginning_is_masked_from_its_start(message: str) -> None:
    with holding():
        hold("secret-of-secret-42")
        assert mask(f"is {message}", cut=True) == f"is {MASK}"


def test_text_before_the_secret_may_look_like_its_beginning() -> None:
    with holding():
        hold("aaaaaaab-9")
        assert mask("is aaaaaaaab", cut=True) == f"is a{MASK}"


def test_lines_of_a_private_key_are_masked_but_its_first_which_are_public() -> None:
    lines = [f"{number:02}" + "abcdefghijklmnop" for number in range(20)]
    key = "\n".join(["-----BEGIN RSA PRIVATE KEY-----", *lines, "short", "-----END RSA PRIVATE KEY-----"])
    with holding():
        hold(key)
        assert mask(lines[12]) == mask(lines[19]) == MASK
        assert mask(lines[11]) == lines[11]
        assert mask("".join(lines) + "short") == MASK
        assert mask("short") == "short"
        assert mask("-----BEGIN RSA PRIVATE KEY-----") == "-----BEGIN RSA PRIVATE KEY-----"


def test_lines_of_a_short_private_key_are_all_masked() -> None:
    lines = ["a" * 16, *(f"{number:02}" + "b" * 14 for number in range(11))]
    with holding():
        hold("\n".join(["-----BEGIN PRIVATE KEY-----", *lines, "-----END PRIVATE KEY-----"]))
        assert [mask(line) for line in lines] == [MASK] * 12
        assert mask("".join(lines)) == MASK


def test_lines_of_other_texts_are_not_secrets_each() -> None:
    with holding():
        hold("first line of a text\nsecond line of a text\nthird")
        assert mask("second line of a text") == "second line of a text"


DISPLAYED = frozenset({"detail", "items"})
WORD, LONG = "stable", "sixteen-letters!"


def test_short_secret_is_masked_only_where_people_read() -> None:
    value = {
        "train": WORD,
        "detail": f"no {WORD}",
        "items": [{"a": WORD, "b": 5}, [WORD], None],
        "inner": {"detail": WORD, "train": [WORD], "more": {"items": WORD}},
    }
    with holding():
        hold(WORD)
        assert masked_value(value, DISPLAYED) == {
            "train": WORD,
            "detail": f"no {MASK}",
            "items": [{"a": MASK, "b": 5}, [MASK], None],
            "inner": {"detail": MASK, "train": [WORD], "more": {"items": MASK}},
        }
        assert masked_value(WORD, DISPLAYED) == WORD


def test_long_secret_is_masked_everywhere() -> None:
    value = {"train": LONG, "list": [LONG, {"a": f"x{LONG}"}], "number": 5}
    with holding():
        hold(LONG)
        assert masked_value(value, DISPLAYED) == {"train": MASK, "list": [MASK, {"a": f"x{MASK}"}], "number": 5}
        assert masked_value(LONG[:-1], DISPLAYED) == LONG[:-1]
        assert masked_value(f"x {LONG[:8]}…", DISPLAYED) == f"x {MASK}"
        assert masked_value(f"x {LONG[:8]}", DISPLAYED) == f"x {LONG[:8]}"


@pytest.mark.parametrize("value", [{"a": ["other"], "b": None}, [], 5, None, "other"])
def test_value_without_a_secret_is_handed_back_as_it_is(value: object) -> None:
    with holding():
        hold(LONG)
        assert masked_value(value, DISPLAYED) is value
