import subprocess
import sys
from types import ModuleType

import pytest

from annobench import registry
from annobench.errors import AnnobenchError


@pytest.mark.parametrize(
    ("package", "kind"),
    [("data", "geo"), ("noise", "expertise"), ("aggregation", "dawid-skene")],
)
def test_a_file_is_a_kind(package, kind):
    assert kind in registry.kinds(package)
    module = registry.component(package, kind)
    assert isinstance(module, ModuleType)
    assert module.__name__ == f"annobench.{package}.{kind.replace('-', '_')}"


def test_kinds_are_sorted_and_hyphenated():
    found = registry.kinds("aggregation")
    assert list(found) == sorted(found)
    assert not any("_" in kind for kind in found)


def test_an_unknown_kind_gets_the_nearest_one():
    with pytest.raises(AnnobenchError) as caught:
        registry.component("aggregation", "dawid-skeen")
    assert "'dawid-skeen' is unknown: did you mean 'dawid-skene'? allowed: " in str(caught.value)


@pytest.mark.parametrize("kind", ["../errors", "__init__", "", "geo.Settings", "dawid_skene"])
def test_only_listed_names_are_imported(kind):
    with pytest.raises(AnnobenchError):
        registry.component("aggregation", kind)


def test_no_hint_where_nothing_is_near():
    assert registry.unknown("method", "xyz", ["realm", "sft"]) == (
        "method 'xyz' is unknown: allowed: realm, sft"
    )


def test_listing_kinds_imports_none_of_them():
    code = (
        "import sys; from annobench.registry import kinds; kinds('data'), kinds('noise');"
        "sys.exit(any(name in sys.modules for name in"
        " ('annobench.data.geo', 'annobench.noise.expertise')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_settings_of_data_and_noise_import_nothing_heavy():
    code = (
        "import sys; from annobench.registry import component, kinds;"
        "[component(p, k).Settings for p in ('data', 'noise') for k in kinds(p)];"
        "heavy = {'torch', 'transformers', 'pandas', 'pyarrow', 'numpy', 'scipy', 'sklearn',"
        " 'crowdkit', 'matplotlib', 'datasets'} & set(sys.modules);"
        "sys.exit(', '.join(sorted(heavy)) or 0)"
    )
    run = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert (run.returncode, run.stderr) == (0, "")
