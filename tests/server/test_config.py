"""Settings: defaults that make a hub in one folder, and the secret that is made once."""

import os
import stat
import subprocess
import sys

import pytest
from pydantic import ValidationError

from lorahub_server.config import Settings


@pytest.fixture(autouse=True)
def no_settings_of_the_machine(monkeypatch):
    for name in [name for name in os.environ if name.startswith("LORAHUB_")]:
        monkeypatch.delenv(name)


def test_everything_is_in_one_folder(tmp_path):
    settings = Settings(data=tmp_path)
    assert settings.database_url == f"sqlite:///{tmp_path}/hub.db"
    assert settings.store_url == f"file://{tmp_path}/objects"
    assert (settings.host, settings.port, settings.carrier) == ("127.0.0.1", 8000, "local")


def test_a_relative_folder_is_resolved_once(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    settings = Settings(data="hub data")
    monkeypatch.chdir("/")
    assert settings.data == tmp_path / "hub data"
    assert settings.store_url == f"file://{tmp_path}/hub%20data/objects"


def test_variables_override(tmp_path, monkeypatch):
    monkeypatch.setenv("LORAHUB_DATA", str(tmp_path))
    monkeypatch.setenv("LORAHUB_PORT", "9")
    monkeypatch.setenv("LORAHUB_DATABASE_URL", "postgresql+psycopg://db/hub")
    monkeypatch.setenv("LORAHUB_PUBLIC_URL", "https://hub.example/")
    settings = Settings()
    assert (settings.data, settings.port) == (tmp_path, 9)
    assert settings.database_url == "postgresql+psycopg://db/hub"
    assert settings.public_url == "https://hub.example"


@pytest.mark.parametrize(
    "wrong",
    [
        {"port": 70_000},
        {"carrier": "pigeon"},
        {"secret": "short"},
        {"public_url": "hub.example"},
        {"signup": "maybe"},
        {"upstream": "huggingface.co"},
        {"upstream": "https://"},
        {"upstream": "ftp://other.example"},
        {"upstream": "https://me:secret@other.example"},
        {"upstream": "https://other.example/?a=b"},
        {"upstream": "https://hub.example/", "public_url": "https://hub.example"},
        {"upstream": "http://localhost:9000", "port": 9000},
    ],
)
def test_wrong_settings_are_refused(tmp_path, wrong):
    with pytest.raises(ValidationError):
        Settings(data=tmp_path, **wrong)


def test_the_secret_is_made_once_and_kept_from_others(tmp_path):
    key = Settings(data=tmp_path / "hub").secret_key()
    path = tmp_path / "hub" / "secret.key"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(key) >= 32
    assert [p.name for p in (tmp_path / "hub").iterdir()] == ["secret.key"]
    code = (
        "import sys; from lorahub_server.config import Settings; "
        "sys.stdout.write(Settings(data=sys.argv[1]).secret_key().decode())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "hub")], capture_output=True, check=True
    )
    assert done.stdout == key


def test_processes_that_start_at_once_agree_on_the_secret(tmp_path):
    code = (
        "import sys; from lorahub_server.config import Settings; "
        "sys.stdout.write(Settings(data=sys.argv[1]).secret_key().decode())"
    )
    running = [
        subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE)
        for _ in range(4)
    ]
    assert len({process.communicate()[0] for process in running}) == 1


def test_a_given_secret_is_used_and_written_nowhere(tmp_path):
    settings = Settings(data=tmp_path, secret="a secret of the operator")
    assert settings.secret_key() == b"a secret of the operator"
    assert "operator" not in repr(settings)
    assert list(tmp_path.iterdir()) == []
