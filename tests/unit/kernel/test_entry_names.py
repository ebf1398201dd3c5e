import pytest

from shelflife.kernel.entry_names import entry_name


@pytest.mark.parametrize("name", ["mae", "größe", "val/loss", "a.b-c_d", "p 99: latency", "a.", "a..b", ""])
def test_names_of_mlflow_are_names(name: str) -> None:
    if name:
        assert entry_name(name) == name
    else:
        with pytest.raises(ValueError, match="path"):
            entry_name(name)


@pytest.mark.parametrize(
    "name",
    [
        "a%b",
        "a\\b",
        "a,b",
        "a(b)",
        "a\tb",
        "a\n",
        "/a",
        "a/",
        "a//b",
        ".",
        "..",
        "..a",
        "../a",
        "a/./b",
        "a/../b",
    ],
)
def test_what_could_lead_elsewhere_or_has_other_letters_is_none(name: str) -> None:
    with pytest.raises(ValueError, match=r"letters|path"):
        entry_name(name)
