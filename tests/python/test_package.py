"""The wheel: what it carries, what it exports, and that everything in the documents runs."""

from __future__ import annotations

import copy
import doctest
import importlib.metadata
import importlib.util
import pickle
import re
import subprocess
import sys
from pathlib import Path

import bmcnotice
import pytest
import street
from bmcnotice import _bmcnotice


def test_exports_only_its_init_function():
    command = ["nm", "-D", "--defined-only", _bmcnotice.__file__]
    nm = subprocess.run(command, capture_output=True, text=True, check=True)
    assert [line.split()[-1] for line in nm.stdout.splitlines()] == ["PyInit__bmcnotice"]


def test_is_abi3():
    assert _bmcnotice.__file__.endswith(".abi3.so")


def test_carries_no_path_of_its_builder():
    image = Path(_bmcnotice.__file__).read_bytes()
    assert str(Path.home()).encode() + b"/" not in image
    assert str(street.REPOSITORY).encode() not in image


def test_has_one_version():
    assert bmcnotice.__version__ == importlib.metadata.version("bmcnotice")
    cargo = (street.REPOSITORY / "Cargo.toml").read_text()
    assert re.search(r'^version = "(.*?)"', cargo, re.M).group(1) == bmcnotice.__version__


def test_is_typed_and_says_what_it_offers():
    assert Path(bmcnotice.__file__).with_name("py.typed").exists()
    assert sorted(bmcnotice.__all__) == sorted(set(bmcnotice.__all__))
    for name in bmcnotice.__all__:
        assert getattr(bmcnotice, name) is not None


def test_everything_public_has_a_docstring():
    for name in bmcnotice.__all__:
        thing = getattr(bmcnotice, name)
        if isinstance(thing, type):
            assert thing.__doc__, name
    for kind in (bmcnotice.Context, bmcnotice.Config):
        for name, member in vars(kind).items():
            assert name.startswith("_") or member.__doc__, f"{kind.__name__}.{name}"


def test_words_are_strings():
    assert bmcnotice.LATER is bmcnotice.Answer.LATER
    assert bmcnotice.Class.FATAL == "fatal" and f"{bmcnotice.Class.FATAL}" == str(bmcnotice.Class.FATAL) == "fatal"


def test_exceptions_survive_pickling():
    place = bmcnotice.Place("a.toml", 3, 1)
    finding = bmcnotice.Finding("BMCN-C001", bmcnotice.Severity.ERROR, place, "x", "y", "z")
    error = bmcnotice.ConfigError([finding])
    again = pickle.loads(pickle.dumps(error))
    assert (again.findings, str(again)) == ((finding,), str(error))
    assert str(error) == "a.toml:3:1: error BMCN-C001: x. Rule: y. Remedy: z."
    for kind in (bmcnotice.BusyError, bmcnotice.ForkError, bmcnotice.StaleError, bmcnotice.BrokenError):
        assert issubclass(kind, bmcnotice.Error)
        assert str(pickle.loads(pickle.dumps(kind("why")))) == "why"


@pytest.mark.skipif(
    importlib.util.find_spec("_xxsubinterpreters") is None and importlib.util.find_spec("_interpreters") is None,
    reason="this Python offers no sub-interpreters",
)
def test_a_sub_interpreter_is_refused_in_words():
    script = """
import bmcnotice
try:
    import _interpreters as interpreters
except ImportError:
    import _xxsubinterpreters as interpreters
inner = interpreters.create()
result = interpreters.run_string(inner, '''
try:
    import bmcnotice
except ImportError as error:
    print("refused:", error, flush=True)
else:
    print("imported", flush=True)
''')
assert result is None, result
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stderr
    assert re.match("refused: .*subinterpreter", done.stdout), done.stdout


# --- documents -------------------------------------------------------------------------------------------------


def blocks(path: Path) -> list[tuple[int, str]]:
    """The Python blocks of a document, with their lines."""
    found, inside = [], None
    for number, line in enumerate(path.read_text().splitlines(keepends=True), 1):
        if inside is None and line.strip() == "```python":
            inside = (number + 1, "")
        elif inside is not None and line.strip() == "```":
            found.append(inside)
            inside = None
        elif inside is not None:
            inside = (inside[0], inside[1] + line)
    return found


def run_block(name: str, line: int, block: str, names: dict[str, object]) -> None:
    """Sessions are compared with what they show, recovery scripts are run against a trap, the rest is executed."""
    if ">>>" in block:
        test = doctest.DocTestParser().get_doctest(block, names, name, name, line)
        names.update(test.globs)
        result = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(test, clear_globs=False)
        names.update(test.globs)
        assert result.attempted and not result.failed, f"{name}:{line}"
    elif "ctx.run()" in block:
        script = Path("example.py")
        script.write_text(block)
        status, said, errors = street.run_script(script.resolve())
        assert (status, bool(said), "Traceback" in errors) == (0, True, False), f"{name}:{line}: {status} {said!r} {errors}"
    else:
        exec(compile(block, f"{name}:{line}", "exec"), names)


def test_the_package_s_own_example_runs():
    with street.Examples() as names:
        result = doctest.testmod(bmcnotice, extraglobs=names)
    assert result.attempted and not result.failed


@pytest.mark.parametrize("name", ["docs/python.md", "README.md"])
def test_documented_examples_run(name):
    document = street.REPOSITORY / name
    if not document.exists():
        pytest.skip(f"{name} is not written yet")
    with street.Examples() as names:
        for line, block in blocks(document):
            run_block(name, line, block, names)


def test_a_wrong_example_is_found():
    with street.Examples() as names, pytest.raises(AssertionError):
        run_block("none", 1, ">>> print(bmcnotice.LATER)\nearlier\n", names)


def test_the_recovery_script_has_ten_lines_and_ends_with_ctrl_c():
    script = street.REPOSITORY / "examples" / "recovery.py"
    assert len(script.read_text().splitlines()) == 10
    status, said, errors = street.run_script(script)
    assert (status, "Traceback" in errors) == (0, False)
    assert said == "moving failover1 away: Memory (sensor 20h): Uncorrectable memory error asserted; severity non-recoverable; reported by BMC of server1\n"


# --- values ----------------------------------------------------------------------------------------------------


def test_values_can_be_made_and_compared_and_not_changed():
    moment = bmcnotice.Now(1.0, __import__("datetime").datetime(2024, 1, 1))
    peer = bmcnotice.Peer("server1", bmcnotice.Verdict.OFF, None, 1.0, moment, 0)
    assert peer == copy.deepcopy(peer) == pickle.loads(pickle.dumps(peer))
    assert len({peer, copy.deepcopy(peer)}) == 1
    with pytest.raises(AttributeError):
        peer.server = "server2"
