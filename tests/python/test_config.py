"""What a context is made from: every finding at once, each with its place."""

from __future__ import annotations

import socket
import sys
from pathlib import Path

import bmcnotice
import pytest
import street


def errors(config):
    return [finding for finding in config.check() if finding.severity is bmcnotice.Severity.ERROR]


def test_a_good_one_has_no_error(text):
    assert errors(bmcnotice.Config.from_text(text)) == []


def test_all_errors_come_at_once_with_their_places(text):
    wrong = text.replace('trust = "address"', 'trust = "authenticated"').replace('"mrw1"', '"mrw1"\ncolour = "red"').replace('"20s"', '"soon"')
    with pytest.raises(bmcnotice.ConfigError) as caught:
        bmcnotice.Context(bmcnotice.Config.from_text(wrong, "wrong.toml"))
    findings = [f for f in caught.value.findings if f.severity is bmcnotice.Severity.ERROR]
    assert len(findings) >= 3
    for finding in findings:
        assert finding.id.startswith("BMCN-C")
        assert finding.place.file == "wrong.toml" and finding.place.line > 0
        assert finding.subject and finding.rule and finding.remedy
        assert str(finding) in str(caught.value)
    lines = wrong.splitlines()
    assert {"colour", "soon"} <= {w for w in ("colour", "soon") for f in findings if w in lines[f.place.line - 1]}
    assert isinstance(caught.value, bmcnotice.Error) and caught.value.findings == tuple(caught.value.findings)
    with pytest.raises(AttributeError):
        findings[0].id = "other"


def test_findings_read_as_the_core_writes_them(text):
    wrong = bmcnotice.Config.from_text(text.replace('trust = "address"', 'trust = "authenticated"'), "wrong.toml")
    found = wrong.check()
    with pytest.raises(bmcnotice.ConfigError) as caught:
        bmcnotice.Context(wrong)
    assert list(caught.value.findings) == found
    assert all(f.severity in bmcnotice.Severity for f in found)


def test_values_are_set_over_the_text(text, mode):
    config = bmcnotice.Config.from_text(text)
    port = street.free_port()
    config.set("monitor.mrw1.keywords.server1", f"127.0.0.1:{port}")
    config.set("heartbeat.interval", "100ms")
    config.set("heartbeat.lan", ["lan1", "lan2"])
    config.set("monitor.mrw1.rerun", True)
    with bmcnotice.Context(config, mode=mode) as ctx:
        assert ctx.port == port


def test_a_finding_on_a_set_value_has_its_path_for_a_place(text):
    config = bmcnotice.Config.from_text(text)
    config.set("monitor.mrw1.deadline", 'so"on\n\\')
    (finding,) = errors(config)
    assert (str(finding.place), finding.place.line) == ("monitor.mrw1.deadline", 0)


def test_from_a_path_a_text_and_a_mapping(text, hot, mode):
    path = Path(hot, "bmcnotice.toml")
    path.write_text(text)
    for config in (str(path), path, bmcnotice.Config.from_file(path)):
        with bmcnotice.Context(config, mode=mode) as ctx:
            assert ctx.port


def test_from_a_mapping_alone(hot, mode):
    settings = {
        "cluster": {"name": "street", "this_server": "node1.example.com"},
        "server": {
            "node1.example.com": {
                "addresses": ("127.0.0.1",),
                "bmc": {"address": "127.0.0.1:1623", "handshake": "none"},
            }
        },
        "monitor.mrw1": {"trust": "address", "recovery": {"command": ["/bin/true"]}, "target": "x"},
        "monitor.mrw1.keywords": {"node1.example.com": f"127.0.0.1:{street.free_port()}"},
        "heartbeat.bmc": False,
        "journal": {"hot": Path(hot), "disk": False},
    }
    with bmcnotice.Context(settings, mode=mode) as ctx:
        assert ctx.port


@pytest.mark.skipif(sys.version_info < (3, 11), reason="tomllib is newer")
def test_from_what_tomllib_reads(text):
    import tomllib

    with bmcnotice.Context(tomllib.loads(text)) as ctx:
        assert ctx.port


def test_a_command_is_a_mapping_too(text, mode):
    config = bmcnotice.Config.from_text(text)
    config.set("monitor.mrw1.recovery", {"command": ["/bin/true", "with \"quotes\""]})
    assert errors(config) == []


def test_what_is_no_setting_is_refused_without_showing_it():
    config = bmcnotice.Config()
    for value in (None, 1.5, object(), [b"secret"], {1: 2}):
        with pytest.raises(TypeError) as caught:
            config.set("cluster.name", value)
        assert "secret" not in str(caught.value)
    endless: list[object] = []
    endless.append(endless)
    table: dict[str, object] = {}
    table["again"] = table
    for value in (endless, table):
        with pytest.raises(ValueError, match="nested"):
            config.set("cluster.name", value)
        with pytest.raises(ValueError, match="nested"):
            bmcnotice.Context({"cluster": value})
    with pytest.raises(OverflowError):
        config.set("cluster.name", 1 << 70)
    with pytest.raises(TypeError):
        bmcnotice.Context(3)  # type: ignore[arg-type]


def test_secrets_stay_out_of_findings(text):
    config = bmcnotice.Config.from_text(text)
    config.set("server.server1.bmc.user", "admin")
    config.set("server.server1.bmc.password", "hush-hush-" * 10)
    found = errors(config)
    assert found and not any("hush" in str(finding) for finding in found)


def test_what_the_system_refuses_is_an_os_error(text, hot, mode):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        bmcnotice.Context(Path(hot, "nowhere.toml"), mode=mode)
    with pytest.raises(ValueError, match="mode"):
        bmcnotice.Context(bmcnotice.Config.from_text(text), mode="other")  # type: ignore[arg-type]


def test_a_taken_port_says_by_whom(text, hot):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as holder:
        holder.bind(("127.0.0.1", 0))
        taken = street.config(holder.getsockname()[1], hot)
        with pytest.raises((OSError, bmcnotice.ConfigError)) as caught:
            bmcnotice.Context(bmcnotice.Config.from_text(taken))
    assert "process" in str(caught.value)
